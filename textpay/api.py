"""The REST API, version 1."""

from rest_framework.routers import DefaultRouter

from payments.api import PaymentViewSet
from sms.api import TextMessageViewSet

router = DefaultRouter()
router.register("texts", TextMessageViewSet, basename="text")
router.register("payments", PaymentViewSet, basename="payment")
urlpatterns = router.urls

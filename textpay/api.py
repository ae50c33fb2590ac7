"""The REST API, version 1."""

from rest_framework.routers import DefaultRouter

from sms.api import TextMessageViewSet

router = DefaultRouter()
router.register("texts", TextMessageViewSet, basename="text")
urlpatterns = router.urls

"""The words in which people refuse texts, in English, Spanish and French.

Read on plain words: lower case, no accents, no punctuation, "dont" for "don't".
"""

import re

_TEXTS = (
    r"(?:text(?:s|ing|ed)?|txt(?:s|ing)?|messages?|messaging|msg(?:s|ing)?|sms|reminders?"
    r"|notifications?|alerts?)"
)
_DOING = rf"(?:{_TEXTS}|contacting|writing|sending|spam(?:ming)?|bothering|harassing|bugging)"
_ME = r"(?: me| us| this (?:number|phone)| my (?:number|phone|cell)| here)"
_MORE = r"(?: any ?more| again| ever| please| thanks)"
# Each says by itself that no more texts are wanted.
CLEAR = [
    re.compile(words)
    for words in (
        rf"\b(?:stop|quit|cease)\b(?: \w+){{0,3}} {_DOING}\b",
        rf"\bend (?:all |the |these |this |your )+{_TEXTS}\b",
        r"\b(?:please|pls|just) (?:stop|quit|unsubscribe|cancel)$",
        r"^(?:stop|quit)(?: (?:it|this|that|all|them|everything|immediately|already|asap|now"
        r"|right|away))+$",
        rf"\b(?:dont|do not|never|no longer)(?: \w+)? (?:text|txt|message|msg|contact|sms|bother"
        rf"|write)(?: to)?(?:{_ME}|{_MORE})+",
        rf"\b(?:dont|do not|never)(?: \w+)? send{_ME}?(?: any| more| the| these| your){{0,2}}"
        rf"(?: {_TEXTS}| anything| this again| any ?more)\b",
        rf"\bno more (?:{_TEXTS}|of (?:this|these))\b",
        rf"^(?:please |pls |hi |hello )*no (?:text )?{_TEXTS}(?: please| thanks| thank you)*$",
        r"\b(?:dont|do not) (?:want|wish)(?: \w+){0,4} (?:texts?|messages?|sms|reminders)\b",
        r"\b(?:unsubscribe|opt (?:me )?out|optout)\b",
        r"\b(?:take|remove|delete) (?:me|us|my (?:number|phone|cell)|this number)"
        r"(?: \w+){0,2} (?:off|from|out)\b",
        r"\b(?:remove|delete|erase) (?:me|my (?:number|cell)|this number)\b|\blose my number\b",
        r"\b(?:revoke|withdraw) (?:\w+ ){0,2}(?:consent|permission)\b",
        r"\bleave (?:me|us) alone\b|^(?:just )?go away$",
        r"\b(?:you have|you got|youve got|youve|this is|its|is|got) (?:a |the )?wrong"
        r" (?:number|person|guy)\b",
        r"^(?:sorry |hi |hello |um )*wrong (?:number|person|guy)(?: \w+){0,3}$",
        r"\bnot (?:my|the right) number\b",
        # Spanish
        r"\bno (?:me|nos) (?:vuelvan? a )?(?:escrib|texte|contact|molest)\w*\b",
        r"\bno (?:me|nos) (?:mand|envi)\w*(?: \w+){0,2} (?:mas|mensajes?|textos?|sms|nada|esto)\b",
        r"\bno (?:quiero|deseo)(?: \w+){0,2} (?:mas|mensajes?|textos?|sms)\b",
        r"\bno mas (?:mensajes?|textos?|sms)\b|\bbasta de (?:mensajes|textos)\b",
        r"\b(?:dej|par)en? de (?:mand|envi|escrib|texte|molest|contact)\w*",
        r"\b(?:quit|borr|saqu|elimin)e?n?(?:me)? (?:\w+ ){0,3}(?:lista|numero)\b",
        r"\b(?:numero|telefono) equivocado\b|\bse equivoco de numero\b",
        r"\b(?:dar|darme|denme|deme) de baja\b",
        # French
        r"\b(?:arretez|arreter|cessez)(?: \w+){0,3} (?:textos?|messages?|envoyer|ecrire)\b",
        r"\bne m ?(?:envoyez|ecrivez|contactez) plus\b|^plus de (?:textos?|messages?)\b",
        r"\b(?:desabonnez|desinscrivez|retirez) ?moi\b|\bmauvais numero\b",
    )
]
# Sends a clear refusal to review: a limit, a negation, a condition, another subject.
DOUBT = re.compile(
    r"\b(?:dont|do not|never|didnt|not|cant|cannot) (?:ever |want to |please )*"
    r"(?:stop|quit|unsubscribe|opt|cancel|remove|leave)\b"
    r"|\b(?:before|until|till|after|unless|except|if|instead|during|between|today|tonight"
    r"|tomorrow|while|yet|weekends?|mornings?|nights?|antes|despues|hasta|manana)\b"
    r"|\bat (?:work|night|school|\d+)\b|\bpaper\b|\be ?mails?\b|\bletters?\b|\bcall me\b"
    r"|\b(?:invoice|bill|order|account|factura|house|street|unit) number\b"
    r"|\bwrong number (?:on|of|for|in)\b|\bnot (?:the |a )?wrong\b"
)
# What a refusal may hold: not enough to act on, too much to pass by.
HINT = re.compile(
    r"\b(?:stop\w*|quit|quits|quitting|cease|desist|cancel\w*|unsub\w*|opt(?:ed|ing)? ?(?:me )?out"
    r"|revoke\w*|withdraw\w*|remov\w*|delete\w*|consent\w*|permission|spam\w*|scam\w*|fraud\w*"
    r"|harass\w*|bother\w*|annoy\w*|lawyer|attorney|sue|suing|lawsuit|illegal|fcc|ftc|tcpa"
    r"|block(?:ing)? (?:you|this|your)|report(?:ing|ed)? (?:you|this|it)|complain\w*|police"
    r"|wrong|alone|mistake|any ?more|enough|nobody|not interested|go away|fuck\w*|piss off|shut up"
    r"|not me|not mine|isnt me|isnt mine|not my|(?:dont|do not) (?:know|text|message|contact|send"
    r"|write|want|need)|no more|no longer|no (?:texts?|texting|messages?|sms)"
    r"|never (?:text|contact|agreed|signed|gave|asked|message)|(?:mailing|your|this|contact) list"
    r"|sign(?:ed)? up|who (?:gave|is this)|how did you get|deceased|passed away|died|new owner"
    r"|no one here|doesnt live|moved out|end (?:this|it|these)"
    r"|alto|basta|parar|paren?|dejen?|equivoc\w*|molest\w*|quiten\w*|quiteme|borr[ea]\w*|baja"
    r"|no mas|ya no|no (?:me|nos) (?:mand|envi|escrib|llam|text)\w*|no quiero|fraude|estafa"
    r"|arret\w*|desabon\w*|desinscri\w*|mauvais|plus de|ne m|cessez|arnaque)\b"
)

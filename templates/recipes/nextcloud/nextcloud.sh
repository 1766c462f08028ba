{# The account is tied to `sub`: nobody here can become a local account there that has the same name. #}
occ user_oidc:provider \
  {{ alias }} \
  {{ arg("--clientid", client_id) }} \
{% if secret %}
  {{ arg("--clientsecret", secret) }} \
{% endif %}
  {{ arg("--discoveryuri", discovery_url) }} \
  {{ arg("--endsessionendpointuri", endpoints.end_session_endpoint) }} \
{% if after_logout %}
  {{ arg("--postlogouturi", after_logout) }} \
{% endif %}
  {{ arg("--scope", scopes | join(" ")) }} \
  --unique-uid=1 \
  --mapping-uid=sub \
  --mapping-display-name=name \
  --mapping-email=email \
  --mapping-groups=groups \
  --group-provisioning=1 \
  --send-id-token-hint=1

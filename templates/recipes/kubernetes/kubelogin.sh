kubectl oidc-login setup \
  {{ arg("--oidc-issuer-url", endpoints.issuer) }} \
  {{ arg("--oidc-client-id", client_id) }} \
{% if secret %}
  {{ arg("--oidc-client-secret", secret) }} \
{% endif %}
{% for scope in scopes[1:] %}
  {{ arg("--oidc-extra-scope", scope) }} \
{% endfor %}
  --oidc-pkce-method=S256

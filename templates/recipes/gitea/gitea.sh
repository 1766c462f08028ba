gitea admin auth add-oauth \
  {{ arg("--name", alias) }} \
  --provider=openidConnect \
  {{ arg("--key", client_id) }} \
{% if secret %}
  {{ arg("--secret", secret) }} \
{% endif %}
  {{ arg("--auto-discover-url", discovery_url) }} \
{% for scope in scopes %}
  {{ arg("--scopes", scope) }} \
{% endfor %}
  --group-claim-name=groups \
  {{ arg("--admin-group", admin_group) }}

{# A public client has no secret, and is asked for it unless it says so. #}
oidc-gen \
  {{ alias }} \
  --manual \
  {{ arg("--issuer", endpoints.issuer) }} \
  {{ arg("--client-id", client_id) }} \
  {{ arg("--client-secret", secret or "") }} \
  --redirect-uri=http://localhost:4242 \
  {{ arg("--scope", scopes | join(" ")) }} \
  --flow=code

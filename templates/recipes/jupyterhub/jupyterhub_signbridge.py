{# A text or a list of texts is written alike in JSON and in Python. #}
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.login_service = "Signbridge"
c.GenericOAuthenticator.client_id = {{ client_id | json }}
c.GenericOAuthenticator.client_secret = {{ (secret or "") | json }}
c.GenericOAuthenticator.oauth_callback_url = {{ redirect_uri | json }}
c.GenericOAuthenticator.authorize_url = {{ endpoints.authorization_endpoint | json }}
c.GenericOAuthenticator.token_url = {{ endpoints.token_endpoint | json }}
c.GenericOAuthenticator.userdata_url = {{ endpoints.userinfo_endpoint | json }}
c.GenericOAuthenticator.logout_redirect_url = {{ endpoints.end_session_endpoint | json }}
c.GenericOAuthenticator.scope = {{ scopes | json }}
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
c.GenericOAuthenticator.allowed_groups = {{ groups | json }}
c.GenericOAuthenticator.admin_groups = {{ [admin_group] | json }}
{% if not groups %}
c.GenericOAuthenticator.allow_all = True
{% endif %}
c.GenericOAuthenticator.manage_groups = True
# Keeps the tokens, encrypted under JUPYTERHUB_CRYPT_KEY (openssl rand -hex 32), so that groups follow.
c.GenericOAuthenticator.enable_auth_state = True

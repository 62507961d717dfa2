"""What an engineer pastes into his app, with the app's real values in it. One source for the pages and their tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    name: str
    title: str
    about: str
    code: str


@dataclass(frozen=True, slots=True)
class AppValues:
    """``secret`` is the real one only on the page that shows it once."""

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str
    public: bool


def snippets(values: AppValues) -> list[Snippet]:
    return [
        Snippet("authlib", "Python, Authlib", "Starlette, FastAPI or Flask with Authlib.", _authlib(values)),
        Snippet("authjs", "Node, Auth.js", "Next.js or Express with Auth.js.", _authjs(values)),
        Snippet("spring", "Java, Spring Security", "application.yaml of Spring Boot.", _spring(values)),
        Snippet("go", "Go, go-oidc", "coreos/go-oidc with golang.org/x/oauth2.", _go(values)),
        Snippet(
            "dotnet",
            ".NET, ASP.NET Core",
            "Program.cs with Microsoft.AspNetCore.Authentication.OpenIdConnect.",
            _dotnet(values),
        ),
    ]


def _quoted(text: str) -> str:
    """As a string in double quotes: in each of these languages these two characters need a back-slash."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _authlib(v: AppValues) -> str:
    secret = "" if v.public else f'\n    client_secret="{_quoted(v.secret)}",'
    return f'''from authlib.integrations.starlette_client import OAuth

oauth = OAuth()
oauth.register(
    "idbroker",
    server_metadata_url="{v.issuer}/.well-known/openid-configuration",
    client_id="{v.client_id}",{secret}
    client_kwargs={{"scope": "openid email profile", "code_challenge_method": "S256"}},
)

# in the view that signs in:      return await oauth.idbroker.authorize_redirect(request, "{_quoted(v.redirect_uri)}")
# in the view of the redirect URI: token = await oauth.idbroker.authorize_access_token(request)
#                                  token["userinfo"] holds sub, email, tenant, tenant_id and roles'''


def _authjs(v: AppValues) -> str:
    secret = "" if v.public else f'\n      clientSecret: "{_quoted(v.secret)}",'
    method = '\n      client: { token_endpoint_auth_method: "none" },' if v.public else ""
    return f'''import NextAuth from "next-auth";

// Auth.js answers at /api/auth/callback/idbroker: register that as a redirect URI of this app.
export const {{ handlers, auth, signIn, signOut }} = NextAuth({{
  providers: [
    {{
      id: "idbroker",
      name: "Single sign-on",
      type: "oidc",
      issuer: "{v.issuer}",
      clientId: "{v.client_id}",{secret}{method}
      checks: ["pkce", "state", "nonce"],
    }},
  ],
}});'''


def _spring(v: AppValues) -> str:
    secret = (
        "            client-authentication-method: none" if v.public else f'            client-secret: "{_quoted(v.secret)}"'
    )
    return f'''spring:
  security:
    oauth2:
      client:
        registration:
          idbroker:
            client-id: "{v.client_id}"
{secret}
            authorization-grant-type: authorization_code
            redirect-uri: "{_quoted(v.redirect_uri)}"
            scope: openid, email, profile
        provider:
          idbroker:
            issuer-uri: "{v.issuer}"'''


def _go(v: AppValues) -> str:
    secret = "" if v.public else f'\n\tClientSecret: "{_quoted(v.secret)}",'
    return f'''provider, err := oidc.NewProvider(ctx, "{v.issuer}")
if err != nil {{
\tlog.Fatal(err)
}}
config := oauth2.Config{{
\tClientID:     "{v.client_id}",{secret}
\tRedirectURL:  "{_quoted(v.redirect_uri)}",
\tEndpoint:     provider.Endpoint(),
\tScopes:       []string{{oidc.ScopeOpenID, "email", "profile"}},
}}
verifier := oauth2.GenerateVerifier() // keep it in the session, with the state
http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusFound)
// on the way back:
// token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
// idToken, err := provider.Verifier(&oidc.Config{{ClientID: config.ClientID}}).Verify(ctx, token.Extra("id_token").(string))'''


def _dotnet(v: AppValues) -> str:
    secret = "" if v.public else f'\n    options.ClientSecret = "{_quoted(v.secret)}";'
    return f'''// ASP.NET Core answers at /signin-oidc: register that as a redirect URI of this app.
builder.Services.AddAuthentication(options =>
{{
    options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;
    options.DefaultChallengeScheme = OpenIdConnectDefaults.AuthenticationScheme;
}})
.AddCookie()
.AddOpenIdConnect(options =>
{{
    options.Authority = "{v.issuer}";
    options.ClientId = "{v.client_id}";{secret}
    options.ResponseType = "code";
    options.UsePkce = true;
    options.MapInboundClaims = false;
    options.Scope.Add("email");
}});'''

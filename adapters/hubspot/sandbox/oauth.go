package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// token answers the OAuth token endpoint for any client; a refresh token is checked when one is configured.
func (s *Sandbox) token(w http.ResponseWriter, r *http.Request) {
	refresh := r.PostFormValue("refresh_token")
	switch grant := r.PostFormValue("grant_type"); {
	case grant == "authorization_code" && s.spend(r.PostFormValue("code"), r.PostFormValue("redirect_uri")):
		refresh = "sandbox-refresh"
	case grant == "client_credentials":
		refresh = ""
	case grant != "refresh_token" || refresh == "" || s.cfg.RefreshToken != "" && refresh != s.cfg.RefreshToken:
		sandboxkit.WriteJSON(w, http.StatusBadRequest, map[string]string{
			"error": "invalid_grant", "error_description": "missing or invalid refresh token",
			"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token",
		})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	access := fmt.Sprintf("sandbox-access-%d", len(s.tokens)+1)
	s.tokens[access] = s.cfg.Clock().Add(s.cfg.TokenLifetime)
	sandboxkit.WriteJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "refresh_token": refresh, "token_type": "bearer",
		"expires_in": int(s.cfg.TokenLifetime.Seconds()), "hub_id": s.number(s.cfg.Portal), "user_id": 7,
		"scopes": s.cfg.Scopes, "token_use": "access_token",
	})
}

// authorize is the page on which a person allows the app in: here everybody does, at once.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !back.IsAbs() || q.Get("client_id") == "" || q.Get("scope") == "" {
		http.Error(w, "the app is not set up: client_id, scope and redirect_uri", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	code := fmt.Sprintf("sandbox-code-%d", len(s.codes)+1)
	s.codes[code] = back.String()
	s.mu.Unlock()
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// spend takes a code once, for the redirect URL it was given to; codes the sandbox did not give are taken as they come.
func (s *Sandbox) spend(code, redirect string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	given, ok := s.codes[code]
	if !ok {
		return code != ""
	}
	if given == "" || given != redirect {
		return false
	}
	s.codes[code] = ""
	return true
}

// introspect and tokenInfo tell what a token may do: one of OAuth, and one of an app with static authentication.
func (s *Sandbox) introspect(w http.ResponseWriter, r *http.Request) {
	s.tellScopes(w, r.PostFormValue("token"))
}

func (s *Sandbox) tokenInfo(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Key string `json:"tokenKey"`
	}
	_ = json.NewDecoder(io.LimitReader(r.Body, 10_000)).Decode(&body) // none is no token
	s.tellScopes(w, body.Key)
}

func (s *Sandbox) tellScopes(w http.ResponseWriter, token string) {
	if p := s.refuse(token, token != ""); p != nil {
		p.write(w)
		return
	}
	sandboxkit.WriteJSON(w, http.StatusOK, map[string]any{
		"active": true, "userId": 7, "hubId": s.number(s.cfg.Portal), "appId": s.number(s.cfg.AppID), "scopes": s.cfg.Scopes,
	})
}

func (s *Sandbox) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if p := s.refuse(token, ok); p != nil {
			p.write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse says why a token is not accepted, nil when it is.
func (s *Sandbox) refuse(token string, ok bool) *problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	expires, issued := s.tokens[token]
	switch {
	case !ok || token == "":
		return newProblem(http.StatusUnauthorized, "INVALID_AUTHENTICATION",
			"Authentication credentials not found. This API supports OAuth 2.0 authentication.")
	case issued && s.cfg.Clock().After(expires):
		return newProblem(http.StatusUnauthorized, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call "+
			"expired.").with("expire time", stamp(expires))
	case !issued && s.cfg.Token != "" && token != s.cfg.Token:
		return newProblem(http.StatusUnauthorized, "INVALID_AUTHENTICATION",
			"Authentication credentials not found or invalid.")
	}
	return nil
}

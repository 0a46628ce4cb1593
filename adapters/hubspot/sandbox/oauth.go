package sandbox

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// token answers the OAuth token endpoint for any client; a refresh token is checked when one is configured.
func (s *Sandbox) token(w http.ResponseWriter, r *http.Request) {
	refresh := r.PostFormValue("refresh_token")
	switch grant := r.PostFormValue("grant_type"); {
	case grant == "authorization_code" && r.PostFormValue("code") != "":
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
		"scopes": []string{
			"crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
			"crm.schemas.contacts.write", "crm.objects.owners.read", "crm.objects.deals.read",
		},
		"token_use": "access_token",
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

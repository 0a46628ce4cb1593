package aloware

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/duolog/duolog/adapters"
)

// schemes are the names a rejection may repeat: the first word of a header without a scheme is the secret itself.
var schemes = map[string]string{"bearer": "Bearer", "basic": "Basic", "digest": "Digest"}

// Authenticate checks the Authorization header, the only thing that tells an Aloware webhook from anybody's request:
// deliveries are not signed and carry no time.
func (c *Client) Authenticate(d adapters.Delivery) error {
	scheme, credentials, _ := strings.Cut(strings.TrimSpace(d.Header.Get("Authorization")), " ")
	credentials = strings.TrimSpace(credentials)
	switch strings.ToLower(scheme) {
	case "bearer":
		if same(credentials, c.bearer) {
			return nil
		}
		return refuse(c.bearerFault(credentials), scheme)
	case "basic":
		given, err := base64.StdEncoding.DecodeString(credentials)
		if err == nil && same(string(given), c.basic) {
			return nil
		}
		return refuse("the user or password of the webhook is not ours", scheme)
	case "":
		return refuse("no Authorization header: set Bearer or Basic in Aloware's webhook", "none")
	}
	return refuse("the Authorization header is neither Bearer nor Basic", scheme)
}

func (c *Client) bearerFault(credentials string) string {
	if rest, twice := strings.CutPrefix(credentials, "Bearer "); twice && same(rest, c.bearer) {
		return "the token begins with the word Bearer: Aloware adds it by itself, take it out of the token field"
	}
	return "the webhook's bearer token is not ours"
}

func refuse(reason, offered string) *adapters.Rejection {
	name, known := schemes[strings.ToLower(offered)]
	switch {
	case offered == "none":
		name = "none"
	case !known:
		name = "other"
	}
	return &adapters.Rejection{Status: http.StatusUnauthorized, Reason: reason, Offered: []string{name}}
}

// same compares in constant time, whatever the lengths. Nothing equals a secret that is not configured.
func same(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && secret != ""
}

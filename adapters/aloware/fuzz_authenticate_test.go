package aloware

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters"
)

// FuzzAuthenticate: nothing but the token or the credentials themselves is taken, and a refusal repeats nothing of
// what was offered.
func FuzzAuthenticate(f *testing.F) {
	const token, basic = "tok-4711-secret", "user:pass word"
	encoded := base64.StdEncoding.EncodeToString([]byte(basic))
	for _, s := range []string{
		"", "Bearer", "Bearer " + token, "bearer  " + token + " ", "Bearer Bearer " + token, token, "Basic " + encoded,
		"Basic " + basic, "Basic !", "Digest username=\"x\"", "Bearer\t" + token, "Basic " + encoded[:4],
	} {
		f.Add(s)
	}
	both, err := New(Config{Token: "t", WebhookToken: token, WebhookBasic: basic})
	if err != nil {
		f.Fatal(err)
	}
	none, err := New(Config{Token: "t"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		d := adapters.Delivery{Header: http.Header{"Authorization": {header}}}
		var r *adapters.Rejection
		if err := none.Authenticate(d); !errors.As(err, &r) {
			t.Fatalf("taken without a secret: %v", err)
		}
		err := both.Authenticate(d)
		if err == nil {
			_, credentials, _ := strings.Cut(strings.TrimSpace(header), " ")
			credentials = strings.TrimSpace(credentials)
			given, err := base64.StdEncoding.DecodeString(credentials)
			if credentials != token && (err != nil || string(given) != basic) {
				t.Fatalf("%q is taken", header)
			}
			return
		}
		if !errors.As(err, &r) || r.Status != http.StatusUnauthorized || len(r.Offered) != 1 {
			t.Fatalf("%q: %v", header, err)
		}
		if word := strings.TrimSpace(header); len(word) > 12 && strings.Contains(r.Reason+r.Offered[0]+err.Error(), word) {
			t.Fatalf("%q comes back: %v", header, err)
		}
	})
}

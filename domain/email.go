package domain

import (
	"strings"
	"unicode"
)

// Lengths of RFC 5321, in bytes.
const (
	maxEmail = 254
	maxLocal = 64
)

func readEmail(v scalar, _ Format) (string, error) {
	text, err := v.single(Email)
	if err != nil {
		return "", err
	}
	email := strings.ToLower(stripFormat(text))
	if email == "" {
		return "", nil
	}
	if reason := emailFault(email); reason != "" {
		return "", invalid(Email, reason)
	}
	return email, nil
}

// emailFault says why the text cannot be an address. It is a sanity check: whether the address exists, and what its
// provider makes of dots and plus signs, is not for us to guess.
func emailFault(email string) string {
	local, host, ok := strings.Cut(email, "@")
	switch {
	case !ok || local == "" || strings.Contains(host, "@"):
		return "is not of the form name@domain"
	case len(email) > maxEmail || len(local) > maxLocal:
		return "is too long"
	case strings.ContainsFunc(email, notInEmail):
		return "has a character that no address has"
	case !strings.Contains(host, ".") || strings.Contains("."+host+".", ".."):
		return "has no complete domain"
	}
	return ""
}

func notInEmail(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar ||
		strings.ContainsRune(`,;:<>()[]\"`, r)
}

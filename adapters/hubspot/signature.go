package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
)

// Headers of a signature, version 3.
const (
	headerSignature = "X-HubSpot-Signature-v3"
	headerTimestamp = "X-HubSpot-Request-Timestamp"
	headerOlder     = "X-HubSpot-Signature-Version"
)

// A delivery may be this old, and its sender's clock this far ahead of ours.
const (
	maxAge  = 5 * time.Minute
	maxSkew = 30 * time.Second
)

var digits = regexp.MustCompile(`^[0-9]{1,15}$`)

// Authenticate checks the signature, version 3, over the configured public URL and the body as it came.
func (c *Client) Authenticate(d adapters.Delivery) error {
	signature, at := d.Header.Get(headerSignature), d.Header.Get(headerTimestamp)
	switch {
	case c.cfg.WebhookSecret == "":
		return c.reject(d, "no HubSpot client secret is configured to check webhooks with")
	case signature == "":
		return c.reject(d, "the header "+headerSignature+" is missing")
	case at == "":
		return c.reject(d, "the header "+headerTimestamp+" is missing")
	case !digits.MatchString(at):
		return c.reject(d, "the header "+headerTimestamp+" is not a number of milliseconds")
	}
	if why := c.untimely(d, at); why != "" {
		return c.reject(d, why)
	}
	got, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || !hmac.Equal(got, c.sign(d, at)) {
		return c.reject(d, "the signature does not fit: wrong client secret, or another public URL than HubSpot calls")
	}
	return nil
}

func (c *Client) untimely(d adapters.Delivery, at string) string {
	ms, _ := strconv.ParseInt(at, 10, 64) // digits only, 15 at most
	now := d.ReceivedAt
	if now.IsZero() {
		now = c.cfg.Clock()
	}
	switch age := now.Sub(time.UnixMilli(ms)); {
	case age > maxAge:
		return "the delivery is more than 5 minutes old"
	case age < -maxSkew:
		return "the delivery's time lies in the future: check this machine's clock"
	}
	return ""
}

func (c *Client) sign(d adapters.Delivery, at string) []byte {
	mac := hmac.New(sha256.New, []byte(c.cfg.WebhookSecret))
	mac.Write([]byte(d.Method + decodeURL(d.URL)))
	mac.Write(d.Body)
	mac.Write([]byte(at))
	return mac.Sum(nil)
}

// decoded are the escapes HubSpot undoes in a URL before it signs it; all others stay.
var decoded = map[string]string{
	"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
	"%2A": "*", "%2C": ",", "%3B": ";",
}

// decodeURL undoes each escape once: what an undone one forms with its neighbours stays.
func decodeURL(u string) string {
	var out strings.Builder
	for i := 0; i < len(u); i++ {
		if u[i] == '%' && i+3 <= len(u) {
			if plain, ok := decoded[strings.ToUpper(u[i:i+3])]; ok {
				out.WriteString(plain)
				i += 2
				continue
			}
		}
		out.WriteByte(u[i])
	}
	return out.String()
}

func (c *Client) reject(d adapters.Delivery, reason string) error {
	return &adapters.Rejection{Status: http.StatusUnauthorized, Reason: reason, Offered: offered(d.Header)}
}

// offered names the signature versions that came along.
func offered(h http.Header) []string {
	var out []string
	if h.Get(headerSignature) != "" {
		out = append(out, "v3")
	}
	if v := h.Get(headerOlder); v == "v1" || v == "v2" {
		out = append(out, v)
	}
	return out
}

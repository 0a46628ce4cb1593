package hubspot

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
)

const vectorSecret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"

// vectors of signature version 3; the second has a query string and holds our reading of HubSpot's table of escapes.
var vectors = []struct{ name, url, body, at, signature string }{
	{
		"without a query", "https://www.example.com/webhook_uri", "{'example_field':'example_value'}",
		"1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
	},
	{
		"escapes in the query", "https://www.example.com/hooks/hubspot?src=hs%3Aapp%2Fv3&x=%28a%29&sp=a%20b",
		`[{"appId":1,"eventId":2,"subscriptionId":3,"portalId":4,"occurredAt":1700000000000,` +
			`"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":5,"propertyName":"firstname",` +
			`"propertyValue":"Zoë","changeSource":"CRM_UI","sourceId":"userId:6"}]`,
		"1700000000123", "mqelG/uBEmBFHJu1eXyYHaczsF8U7VddTRGfXPs2ZKk=",
	},
}

func delivery(url, body, at, signature string, received time.Time) adapters.Delivery {
	d := adapters.Delivery{Method: "POST", URL: url, Body: []byte(body), Header: http.Header{}, ReceivedAt: received}
	d.Header.Set(headerSignature, signature)
	d.Header.Set(headerTimestamp, at)
	return d
}

func verifier(t testing.TB, secret string) *Client {
	t.Helper()
	c, err := New(Config{Token: "t", WebhookSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSignatureVectors(t *testing.T) {
	c := verifier(t, vectorSecret)
	for _, v := range vectors {
		sent := time.UnixMilli(whole(jsonNumber(v.at)))
		if err := c.Authenticate(delivery(v.url, v.body, v.at, v.signature, sent)); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
	}
	// What the signature would be without undoing the escapes.
	v := vectors[1]
	sent := time.UnixMilli(whole(jsonNumber(v.at)))
	if c.Authenticate(delivery(v.url, v.body, v.at, "LIdELIwVaVGjdWQrlx/eVGCfoDO4ep2GfngWkQbv5Uc=", sent)) == nil {
		t.Error("the signature of the URL as it stands was taken")
	}
}

func TestSignatureTime(t *testing.T) {
	c, v := verifier(t, vectorSecret), vectors[0]
	sent := time.UnixMilli(whole(jsonNumber(v.at)))
	for _, tt := range []struct {
		name  string
		after time.Duration
		ok    bool
	}{
		{"just in time", maxAge, true},
		{"too old", maxAge + time.Millisecond, false},
		{"our clock a little behind", -maxSkew, true},
		{"from the future", -maxSkew - time.Millisecond, false},
	} {
		err := c.Authenticate(delivery(v.url, v.body, v.at, v.signature, sent.Add(tt.after)))
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestSignatureRefused(t *testing.T) {
	v := vectors[0]
	sent := time.UnixMilli(whole(jsonNumber(v.at)))
	good := delivery(v.url, v.body, v.at, v.signature, sent)
	for name, spoil := range map[string]func(*adapters.Delivery){
		"another method":       func(d *adapters.Delivery) { d.Method = "PUT" },
		"another URL":          func(d *adapters.Delivery) { d.URL = "https://www.example.com/webhook_uri/" },
		"another body":         func(d *adapters.Delivery) { d.Body = []byte("[]") },
		"another timestamp":    func(d *adapters.Delivery) { d.Header.Set(headerTimestamp, "1693657560001") },
		"timestamp is no time": func(d *adapters.Delivery) { d.Header.Set(headerTimestamp, "NaN") },
		"signed timestamp":     func(d *adapters.Delivery) { d.Header.Set(headerTimestamp, "-1693657560000") },
		"endless timestamp":    func(d *adapters.Delivery) { d.Header.Set(headerTimestamp, "99999999999999999999") },
		"no base64":            func(d *adapters.Delivery) { d.Header.Set(headerSignature, "?") },
		"hex":                  func(d *adapters.Delivery) { d.Header.Set(headerSignature, "2b7e") },
		"older versions only": func(d *adapters.Delivery) {
			d.Header.Del(headerSignature)
			d.Header.Set(headerOlder, "v1")
		},
	} {
		d := good
		d.Header = good.Header.Clone()
		spoil(&d)
		var r *adapters.Rejection
		if err := verifier(t, vectorSecret).Authenticate(d); !errors.As(err, &r) || r.Status != http.StatusUnauthorized {
			t.Errorf("%s: %v", name, err)
		} else if name == "older versions only" && !slices.Equal(r.Offered, []string{"v1"}) {
			t.Errorf("%s: offered %v", name, r.Offered)
		}
	}
	if verifier(t, "").Authenticate(good) == nil {
		t.Error("without a secret everything is authentic")
	}
}

func TestDecodeURL(t *testing.T) {
	for in, want := range map[string]string{
		"a%3Ab%2Fc%3Fd%40e%21f%24g%27h%28i%29j%2Ak%2Cl%3Bm": "a:b/c?d@e!f$g'h(i)j*k,l;m",
		"a%20b%26c%3Dd%25":  "a%20b%26c%3Dd%25", // all others stay
		"%253A":             "%253A",            // once only
		"%3a":               ":",
		"%":                 "%",
		"%3":                "%3",
		"100%":              "100%",
		"https://x.example": "https://x.example",
	} {
		if got := decodeURL(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

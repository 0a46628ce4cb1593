package aloware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/domain"
)

// private is what no error may hold: secrets and the values of the contact, in every spelling they travel in.
var private = []string{
	token, url.QueryEscape(token), url.PathEscape(token), webhook, "pass:word",
	phone, url.QueryEscape(phone), "4155550142", "Zoraida", "zoraida", "people.example",
}

func leaks(t *testing.T, text string) {
	t.Helper()
	for i, secret := range private {
		if strings.Contains(text, secret) {
			t.Errorf("private value %d in %q", i, text)
		}
	}
}

// echo answers with everything the request said, as a careless server does.
func echo(status int, kind, shape string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		said := fmt.Sprintf("%s %s %s for Zoraida <zoraida@people.example>", r.URL, token, body)
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Location", r.URL.String())
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, shape, said)
	}
}

const isJSON = "application/json"

// careless are answers and failures that hold everything private there is, by what goes wrong.
var careless = map[string]http.HandlerFunc{
	"400 error":        echo(400, isJSON, `{"error":%q}`),
	"401 message":      echo(401, isJSON, `{"message":%q}`),
	"403 page":         echo(403, "text/html", "%s"),
	"404 error":        echo(404, isJSON, `{"error":"Contact not found: "%.0s}`),
	"404 elsewhere":    echo(404, isJSON, `{"message":%q}`),
	"404 page":         echo(404, "text/html", "%s"),
	"409 error":        echo(409, isJSON, `{"error":%q}`),
	"422 errors":       echo(422, isJSON, `{"message":"invalid","errors":{"email":[%q]}}`),
	"422 another":      echo(422, isJSON, `{"errors":{"Zoraida":[%q]}}`),
	"422 list":         echo(422, isJSON, `{"errors":[%q]}`),
	"422 phone":        echo(422, isJSON, `{"errors":{"phone_number":[%q]}}`),
	"429":              echo(429, isJSON, `{"message":%q}`),
	"500":              echo(500, "text/plain", "%s"),
	"302":              echo(302, "text/html", "%s"),
	"307":              echo(307, "text/html", "%s"),
	"200 page":         echo(200, "text/html", "<!doctype html>%s"),
	"200 page as JSON": echo(200, isJSON, "<!doctype html>%s"),
	"200 text":         echo(200, isJSON, "%q"),
	"200 null":         echo(200, isJSON, "null%.0s"),
	"200 no id":        echo(200, isJSON, `{"first_name":%q}`),
	"200 mail as id":   echo(200, isJSON, `{"id":"zoraida@people.example","name":%q}`),
	"200 phone as id":  echo(200, isJSON, `{"id":14155550142,"phone_number":"+14155550142","name":%q}`),
	"breaks off": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", isJSON)
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"id":`)
	},
	"slams the door": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

var change = values{
	"first_name": []byte(`"Zoraida"`), "email": []byte(`"zoraida@people.example"`), "tags": []byte(`["Zoraida"]`),
}

// TestNoErrorTellsPrivateValues goes through every way a call can fail, at the look-up, at the POST and at the
// read-back.
func TestNoErrorTellsPrivateValues(t *testing.T) {
	for name, fails := range careless {
		t.Run(name, func(t *testing.T) {
			for _, do := range calls {
				for good := range 3 {
					server := httptest.NewServer(do.after(good, fails))
					do.check(t, dial(t, server.URL, token))
					server.Close()
				}
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		for _, do := range calls {
			do.check(t, dial(t, server.URL, token))
		}
	})
	t.Run("a transport that tells all", func(t *testing.T) {
		c, err := aloware.New(aloware.Config{Token: token, PerSecond: -1, HTTPClient: &http.Client{
			Transport: trip(func(r *http.Request) (*http.Response, error) {
				return nil, fmt.Errorf("proxy refused %s", r.URL)
			}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, do := range calls {
			do.check(t, c)
		}
		leaks(t, fmt.Sprintf("%v %+v %#v", c, c, c))
	})
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// attempt is a call of the client, and what a good server answers to its look-ups.
type attempt struct {
	found bool
	call  func(ctx context.Context, c *aloware.Client) (told string, err error)
}

var calls = []attempt{
	{false, func(ctx context.Context, c *aloware.Client) (string, error) { return c.Identify(ctx) }},
	{true, func(ctx context.Context, c *aloware.Client) (string, error) {
		return "", c.Read(ctx, []adapters.ReadRequest{{By: "phone", Value: phone}})[0].Err
	}},
	{true, func(ctx context.Context, c *aloware.Client) (string, error) {
		ann := domain.Record{System: domain.Aloware, ID: "512"}
		a := c.Write(ctx, []adapters.Write{{Record: ann, Phone: phone, Values: change}})[0]
		return fmt.Sprint(a.Record, a.Refused), a.Err
	}},
	{false, func(ctx context.Context, c *aloware.Client) (string, error) {
		a := c.Write(ctx, []adapters.Write{{Create: true, Phone: phone, Values: change}})[0]
		return fmt.Sprint(a.Record, a.Refused), a.Err
	}},
}

// after answers the first requests well and all others by fails.
func (do attempt) after(good int, fails http.HandlerFunc) http.HandlerFunc {
	var seen atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case seen.Add(1) > int64(good):
			fails(w, r)
		case r.Method == http.MethodPost:
			answer(w, 200, `{"message":"Contact saved."}`)
		case do.found:
			answer(w, 200, full(512))
		default:
			answer(w, 404, `{"error":"Contact not found."}`)
		}
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", isJSON)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (do attempt) check(t *testing.T, c *aloware.Client) {
	t.Helper()
	told, err := do.call(t.Context(), c)
	leaks(t, told)
	checkError(t, err)
}

func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var e *adapters.Error
	if !errors.As(err, &e) || e.Detail == "" {
		t.Fatalf("%T is not an error of the contract", err)
	}
	leaks(t, fmt.Sprintf("%s %+v %v", err, *e, e.Refused))
}

func TestClassOfFailures(t *testing.T) {
	for name, want := range map[string]adapters.Class{
		"400 error": adapters.Rejected, "401 message": adapters.Unauthorized, "403 page": adapters.Unauthorized,
		"404 elsewhere": adapters.Retry, "404 page": adapters.Retry, "429": adapters.Throttled, "500": adapters.Retry,
		"302": adapters.Retry, "200 page": adapters.Retry, "200 page as JSON": adapters.Retry,
		"200 no id": adapters.Retry, "200 mail as id": adapters.Retry, "breaks off": adapters.Retry,
		"slams the door": adapters.Retry,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(careless[name])
			defer server.Close()
			c := dial(t, server.URL, token)
			got := c.Read(context.Background(), []adapters.ReadRequest{{By: "phone", Value: phone}})[0]
			var e *adapters.Error
			if !errors.As(got.Err, &e) || e.Class != want {
				t.Errorf("read: %+v, want class %d", got, want)
			}
			wrote := c.Write(context.Background(), []adapters.Write{{Create: true, Phone: phone}})[0]
			if !errors.As(wrote.Err, &e) || e.Class != want {
				t.Errorf("write: %+v, want class %d", wrote, want)
			}
		})
	}
}

// A web page with status 200 in place of the forms' answer is no success: nothing was stored.
func TestWebPageIsNoAnswer(t *testing.T) {
	var posts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
			careless["200 page"](w, r)
			return
		}
		careless["404 error"](w, r)
	}))
	defer server.Close()
	c := dial(t, server.URL, token)
	got := c.Write(context.Background(), []adapters.Write{{Create: true, Phone: phone, Values: change}})[0]
	var e *adapters.Error
	if !errors.As(got.Err, &e) || e.Class != adapters.Retry || posts.Load() != 1 ||
		!strings.Contains(e.Detail, "base URL") {
		t.Errorf("%+v after %d POSTs", got, posts.Load())
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 2 * time.Second, "7": 7 * time.Second, "99999": time.Hour, "-5": time.Second, "soon": 2 * time.Second,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
	} {
		c, err := aloware.New(aloware.Config{
			Token: token, Clock: func() time.Time { return now },
			HTTPClient: &http.Client{Transport: trip(func(*http.Request) (*http.Response, error) {
				return &http.Response{
					StatusCode: 429, Header: http.Header{"Retry-After": {header}}, Body: io.NopCloser(&bytes.Buffer{}),
				}, nil
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Identify(context.Background())
		var e *adapters.Error
		if !errors.As(err, &e) || e.Class != adapters.Throttled || e.After != want {
			t.Errorf("%q: %#v, want %v", header, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]aloware.Config{
		"no token":       {},
		"no host":        {Token: token, BaseURL: "aloware"},
		"another scheme": {Token: token, BaseURL: "ftp://host"},
		"a user":         {Token: token, BaseURL: "https://zoraida:" + token + "@host"},
		"a query":        {Token: token, BaseURL: "https://host?api_token=" + url.QueryEscape(token)},
		"basic":          {Token: token, WebhookBasic: webhook},
	} {
		_, err := aloware.New(cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		leaks(t, err.Error())
	}
}

// A redirect is not followed: it would take the token to wherever it points.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s reached another host", r.Method)
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		careless["404 error"](w, r)
	}))
	defer server.Close()
	got := dial(t, server.URL, token).Write(t.Context(), []adapters.Write{{Create: true, Phone: phone, Values: change}})
	var e *adapters.Error
	if !errors.As(got[0].Err, &e) || e.Class != adapters.Retry || e.Status != http.StatusTemporaryRedirect {
		t.Errorf("%+v", got[0])
	}
}

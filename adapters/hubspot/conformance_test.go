package hubspot_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/adaptertest"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
)

const (
	token     = "pat-na1-secret-token"
	secret    = "webhook-secret"
	publicURL = "https://duolog.example/webhooks/hubspot/default"
)

// open starts a portal and a client of it. A rate limit as wide as the sandbox tells keeps the tests quick.
func open(t *testing.T, cfg sandbox.Config, client hubspot.Config) (*sandbox.Sandbox, *hubspot.Client) {
	t.Helper()
	cfg.Faults.RateLimit, cfg.SearchRate = -1, -1
	portal := sandbox.New(cfg)
	server := httptest.NewServer(portal)
	t.Cleanup(func() { server.Close(); portal.Close() })
	client.BaseURL = server.URL
	if client.RefreshToken == "" && client.Token == "" {
		client.Token = token
	}
	c, err := hubspot.New(client)
	if err != nil {
		t.Fatal(err)
	}
	return portal, c
}

func TestConformance(t *testing.T) {
	for _, version := range []string{"2026-09", "v3"} {
		t.Run(version, func(t *testing.T) {
			portal, c := open(t, sandbox.Config{Token: token}, hubspot.Config{WebhookSecret: secret, APIVersion: version})
			_, intruder := open(t, sandbox.Config{Token: "another"}, hubspot.Config{APIVersion: version})
			if err := c.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			adaptertest.Run(t, harness(portal, c, intruder))
		})
	}
}

func harness(portal *sandbox.Sandbox, c, intruder *hubspot.Client) adaptertest.Harness {
	return adaptertest.Harness{
		System: c, Intruder: intruder, Account: "4815162",
		Names: map[string]string{
			"first_name": "firstname", "last_name": "lastname", "email": "email", "phone_number": "phone",
			"company_name": "company",
		},
		Sign: sign, Signed: true,
		Changed: []byte(`[{"eventId":3944863254,"subscriptionId":3327050,"portalId":4815162,"appId":900100,` +
			`"occurredAt":1742175136625,"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":512,` +
			`"propertyName":"firstname","propertyValue":"Zoë","changeSource":"CRM_UI","sourceId":"userId:7"}]`),
		ChangedID: "512",
		Unknown: []byte(`[{"eventId":1,"portalId":4815162,"occurredAt":1742175136625,"subscriptionType":"ticket.creation",` +
			`"objectId":7}]`),
		Faults: portal.Injector().Next,
		Count:  func() int { return portal.Stats().Contacts },
		Show: func(id string) map[string]string {
			for _, contact := range portal.All() {
				if contact.ID == id {
					return contact.Properties
				}
			}
			return nil
		},
		Edit:      portal.EditFields,
		MissingID: "404404", InvalidProperty: "date_of_birth", InvalidValue: "some day", Secrets: []string{token, secret},
	}
}

func sign(body []byte) adapters.Delivery {
	now := time.Now()
	at := strconv.FormatInt(now.UnixMilli(), 10)
	return adapters.Delivery{
		Method: http.MethodPost, URL: publicURL, Body: body, ReceivedAt: now,
		Header: http.Header{
			http.CanonicalHeaderKey("X-HubSpot-Signature-v3"):      {sandbox.Sign(secret, "POST", publicURL, body, at)},
			http.CanonicalHeaderKey("X-HubSpot-Request-Timestamp"): {at},
		},
	}
}

var _ sandboxkit.Side = (*sandbox.Sandbox)(nil)

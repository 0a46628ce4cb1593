package aloware_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/adaptertest"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/aloware/sandbox"
)

const (
	token   = "s3cret/token+of=admin"
	webhook = "webhook-token"
)

// account is an Aloware account over HTTP and a client of it.
type account struct {
	*sandbox.Sandbox
	*aloware.Client
	url string
}

func open(t *testing.T, cfg sandbox.Config) account {
	t.Helper()
	cfg.Token = token
	box := sandbox.New(cfg)
	t.Cleanup(box.Close)
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	return account{Sandbox: box, Client: dial(t, server.URL, token), url: server.URL}
}

func dial(t *testing.T, url, token string) *aloware.Client {
	t.Helper()
	c, err := aloware.New(aloware.Config{
		BaseURL: url, Token: token, WebhookToken: webhook, WebhookBasic: "duolog:pass:word", PerSecond: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func delivery(body []byte) adapters.Delivery {
	return adapters.Delivery{
		Method: http.MethodPost, Header: http.Header{"Authorization": {"Bearer " + webhook}}, Body: body,
		ReceivedAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
	}
}

func TestConformance(t *testing.T) {
	a := open(t, sandbox.Config{})
	adaptertest.Run(t, adaptertest.Harness{
		System: a.Client, Account: "4711", Intruder: dial(t, a.url, "a revoked token"),
		Names: map[string]string{
			"first_name": "first_name", "last_name": "last_name", "email": "email", "phone_number": "phone_number",
			"company_name": "company_name",
		},
		Sign:      delivery,
		Changed:   []byte(`{"event":"Contact-Updated","body":` + full(512) + `}`),
		ChangedID: "512",
		Unknown:   []byte(`{"event":"Fax-Jammed","body":{"id":7}}`),
		Faults:    a.Injector().Next,
		Count:     func() int { return len(a.All()) },
		Show: func(id string) map[string]string {
			c, _ := a.Contact(id)
			return c.Properties
		},
		Edit:      a.EditFields,
		MissingID: "1", InvalidProperty: "date_of_birth", InvalidValue: "the day before",
		Secrets: []string{token, "s3cret", webhook, "pass:word"},
	})
}

// full is a contact with every key the adapter takes a full one to have.
func full(id int) string {
	return fmt.Sprintf(`{"id":%d,"company_id":4711,"phone_number":"+14155550100","first_name":"Ann","last_name":"Lee",
		"email":"ann@people.example","cnam_city":"Reno","is_dnc":false,"intake_source":"voip-call","tags":["vip"],
		"rango_edad":"30-39","integration_data":{"hubspot":{"id":1}}}`, id)
}

func raw(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

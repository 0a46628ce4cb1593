package aloware

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// submit sends one forms request. Properties the validation names are left out and the rest is sent once more, so one
// bad value does not stop the others; what was left out comes back with the reasons.
func (c *Client) submit(ctx context.Context, phone string, values map[string]json.RawMessage,
	refused map[string]string, force bool,
) (map[string]string, *adapters.Error) {
	named, err := c.forms(ctx, phone, values, force)
	if err != nil || len(named) == 0 {
		return refused, err
	}
	refused = merge(refused, named)
	values = maps.Clone(values)
	maps.DeleteFunc(values, func(name string, _ json.RawMessage) bool { return named[name] != "" })
	if len(values) == 0 && force {
		return refused, refusal(http.StatusUnprocessableEntity, refused)
	}
	named, err = c.forms(ctx, phone, values, force)
	if err == nil && len(named) > 0 {
		refused = merge(refused, named)
		return refused, refusal(http.StatusUnprocessableEntity, refused)
	}
	return refused, err
}

// forms posts once. The properties a validation refused come back by name; every other failure is an error.
func (c *Client) forms(ctx context.Context, phone string, values map[string]json.RawMessage, force bool) (
	named map[string]string, failed *adapters.Error,
) {
	body := maps.Clone(values)
	body["api_token"], body["phone_number"] = quoted(c.token), quoted(phone)
	if force {
		body["force_update"] = json.RawMessage("true")
	}
	r, err := c.post(ctx, "forms", formsPath, body)
	if err != nil {
		return nil, failure(err)
	}
	if r.status < 300 {
		return nil, nil
	}
	return readRefusal(r, values, force)
}

// readRefusal reads a 4xx answer to forms.
func readRefusal(r reply, sent map[string]json.RawMessage, force bool) (map[string]string, *adapters.Error) {
	said := readComplaint(r.body)
	switch r.status {
	case http.StatusConflict:
		if !force {
			return nil, &adapters.Error{
				Class: adapters.Rejected, Reason: domain.ReasonExists, Status: r.status,
				Detail: "aloware: forms: a contact with this phone exists already",
			}
		}
	case http.StatusUnprocessableEntity:
		named := map[string]string{}
		for name, why := range said.fields {
			if _, ok := sent[name]; ok {
				named[name] = orElse(why, "it is not valid")
			}
		}
		if len(named) > 0 {
			return named, nil
		}
		return nil, invalid(r.status, said)
	case http.StatusBadRequest:
		return nil, invalid(r.status, said)
	}
	return nil, retry(r.status, "forms: status %d: %s", r.status, plain(said.text))
}

// invalid is a refusal that names no value we sent: the phone, as a rule.
func invalid(status int, said complaint) *adapters.Error {
	e := rejected("forms: status %d: %s", status, plain(said.text))
	e.Status = status
	if why, ok := said.fields["phone_number"]; ok {
		e.Refused = map[string]string{"phone_number": why}
	}
	return e
}

func refusal(status int, refused map[string]string) *adapters.Error {
	e := rejected("forms: no value was accepted")
	e.Status, e.Refused = status, refused
	return e
}

// withheld is the refusal of an update that was not sent.
func withheld(refused map[string]string) *adapters.Error {
	e := refusal(0, refused)
	for _, reason := range refused {
		if reason == domain.ReasonChanged {
			e.Reason, e.Detail = domain.ReasonChanged, "aloware: what stood there was changed since the write was decided"
		}
	}
	return e
}

func merge(a, b map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, b)
	maps.Copy(out, a)
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func quoted(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		panic("aloware: a string did not marshal")
	}
	return b
}

package app_test

import (
	"encoding/json"
	"fmt"

	alowarebox "github.com/duolog/duolog/adapters/aloware/sandbox"
	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound"
)

// inHubSpot lists the contacts there with a property's value.
func (r *rig) inHubSpot(property, value string) []hubspotbox.Contact {
	var out []hubspotbox.Contact
	for _, c := range r.hubspot.All() {
		if c.Properties[property] == value {
			out = append(out, c)
		}
	}
	return out
}

// inAloware lists the contacts there with a value under a read name.
func (r *rig) inAloware(name, value string) []alowarebox.Contact {
	var out []alowarebox.Contact
	for _, c := range r.aloware.All() {
		if c.Properties[name] == value {
			out = append(out, c)
		}
	}
	return out
}

// twin returns the one record on each side under an E.164 number, and fails when there is another number of them.
func (r *rig) twin(phone string) (hubspotbox.Contact, alowarebox.Contact) {
	r.t.Helper()
	h, a := r.inHubSpot("phone", phone), r.inAloware("phone_number", phone)
	if len(h) != 1 || len(a) != 1 {
		r.t.Fatalf("%d in HubSpot and %d in Aloware under one number, want one each", len(h), len(a))
	}
	return h[0], a[0]
}

// same compares what a record shows with what is wanted of it.
func (r *rig) same(where string, shows, want map[string]string) {
	r.t.Helper()
	for name, v := range want {
		if shows[name] != v {
			r.t.Errorf("%s shows %s %q, want %q", where, name, shows[name], v)
		}
	}
}

// agreed fails for every difference between both sandboxes that no decision explains.
func (r *rig) agreed() {
	r.t.Helper()
	for _, d := range r.differences() {
		r.t.Error(d)
		r.story(d[:26])
	}
}

// differences compares both sandboxes field by field, for every contact, and lists what no decision explains.
func (r *rig) differences() []string {
	r.t.Helper()
	control, _, err := r.Control(r.t.Context())
	r.must(err)
	lists, err := outbound.Lists(r.t.Context(), r.Store, r.Log)
	r.must(err)
	env := control.Settings.EnvWith(lists)
	hs, as := map[string]map[string]string{}, map[string]map[string]string{}
	for _, c := range r.hubspot.All() {
		hs[c.ID] = c.Properties
	}
	for _, c := range r.aloware.All() {
		as[c.ID] = c.Properties
	}
	var out []string
	r.must(r.EachContact(r.t.Context(), func(c contacts.Contact) error {
		sides := map[domain.System]domain.Properties{}
		for _, rec := range c.Records {
			from := hs
			if rec.System == domain.Aloware {
				from = as
			}
			if v, ok := from[rec.ID]; ok && rec.State == "linked" {
				sides[rec.System] = raw(v)
			}
		}
		if len(sides) != 2 {
			out = append(out, fmt.Sprintf("%s stands alone: %s %s %+v", c.ID, c.Status, c.Reason, c.Records))
			return nil
		}
		out = append(out, unexplained(c, sides, control.Settings, env)...)
		return nil
	}))
	return out
}

func unexplained(c contacts.Contact, sides map[domain.System]domain.Properties, s settings.Settings, env settings.Env) []string {
	state := map[string]string{}
	for _, f := range c.Fields {
		state[f.Field] = f.State
	}
	var out []string
	for _, f := range s.Fields {
		a, _, _ := f.Get(domain.Aloware, sides[domain.Aloware], env)
		h, _, _ := f.Get(domain.HubSpot, sides[domain.HubSpot], env)
		if a != h && state[f.Name] != contacts.Apart && state[f.Name] != contacts.Held {
			out = append(out, fmt.Sprintf("%s %s: %q / %q, %s", c.ID, f.Name, a, h, state[f.Name]))
		}
	}
	return out
}

func raw(values map[string]string) domain.Properties {
	p := domain.Properties{}
	for k, v := range values {
		p[k], _ = json.Marshal(v)
	}
	return p
}

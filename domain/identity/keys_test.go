package identity_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

var (
	inHubSpot = domain.Record{System: domain.HubSpot, ID: "512"}
	inAloware = domain.Record{System: domain.Aloware, ID: "77"}
)

func recommended(t *testing.T) settings.Settings {
	t.Helper()
	s, err := settings.Preset("recommended")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func props(t *testing.T, text string) domain.Properties {
	t.Helper()
	var p domain.Properties
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func email(v string) identity.Key { return identity.Key{Kind: identity.KindEmail, Value: v} }
func phone(v string) identity.Key { return identity.Key{Kind: identity.KindPhone, Value: v} }
func unique(v string) identity.Key {
	return identity.Key{Kind: identity.KindUnique, Value: v}
}

func TestKeys(t *testing.T) {
	const id = "01JD2J6Y9Q8X5C4V3B2N1M0KAH"
	for _, c := range []struct {
		name  string
		rec   domain.Record
		props string
		want  []identity.Key
	}{
		{"nothing", inHubSpot, `{}`, nil},
		{
			"all of hubspot", inHubSpot,
			`{"mobilephone":"(202) 555-0133","phone":"202-555-0132","hs_additional_emails":"B@x.com; a@x.com;;c@x.com",
			  "email":" A@X.com","duolog_contact_id":"01jd2j6y9q8x5c4v3b2n1m0kah"}`,
			[]identity.Key{
				unique(id), email("a@x.com"), email("b@x.com"), email("c@x.com"), phone("+12025550132"), phone("+12025550133"),
			},
		},
		{
			"same number twice", inHubSpot, `{"phone":"+12025550132","mobilephone":"202 555 0132"}`,
			[]identity.Key{phone("+12025550132")},
		},
		{
			"not of their kind", inHubSpot,
			`{"phone":"ask","mobilephone":"1111111111","email":"none","hs_additional_emails":7,"duolog_contact_id":"me"}`, nil,
		},
		{
			"aloware", inAloware, `{"email":"a@x.com","phone_number":"+12025550132","duolog_contact_id":"` + id + `"}`,
			[]identity.Key{email("a@x.com"), phone("+12025550132")},
		},
		{
			"labelled numbers", inAloware,
			`{"phone_number":2025550132,"other_phone_numbers":[{"label":"home","phone_number":"2025550133"},"2025550134",{}]}`,
			[]identity.Key{phone("+12025550132"), phone("+12025550133"), phone("+12025550134")},
		},
		{
			"numbers in one text", inAloware, `{"other_phone_numbers":"2025550133, 2025550134"}`,
			[]identity.Key{phone("+12025550133"), phone("+12025550134")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := identity.Keys(recommended(t), c.rec, props(t, c.props))
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestOrdered(t *testing.T) {
	s := recommended(t)
	s.Contacts.Match = []string{settings.MatchLink, settings.MatchPhone, settings.MatchEmail}
	got := identity.Ordered(s, []identity.Key{unique("x"), email("a"), phone("1"), phone("2")})
	if want := []identity.Key{phone("1"), phone("2"), email("a")}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestContradicts(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b []identity.Key
		want bool
	}{
		{"no emails", []identity.Key{phone("1")}, []identity.Key{phone("1")}, false},
		{"one side has none", []identity.Key{phone("1"), email("a")}, []identity.Key{phone("1")}, false},
		{"different people", []identity.Key{phone("1"), email("a")}, []identity.Key{phone("1"), email("b")}, true},
		{"a shared secondary", []identity.Key{email("a"), email("c")}, []identity.Key{email("b"), email("c")}, false},
		{"a number that reads like an email", []identity.Key{email("a"), phone("b")}, []identity.Key{email("b")}, true},
	} {
		if got := identity.Contradicts(c.a, c.b); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
		if got := identity.Contradicts(c.b, c.a); got != c.want {
			t.Errorf("%s, the other way round: got %v", c.name, got)
		}
	}
}

package identity_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

// FuzzKeys: whatever a system tells for an email or a number, the keys are whole, each stands once, and their own text
// gives them again: two records with the same key find each other however it was typed.
func FuzzKeys(f *testing.F) {
	for _, s := range [][2]string{
		{`"Ann@Example.com"`, `"(818) 212-4567"`},
		{`"a@work.com;ann@example.com"`, `"+1 818 212 4567"`},
		{`null`, `8182124567`},
		{`["a@b.c"]`, `[{"phone_number":"+18182124567"},"8182124567",null,7]`},
		{`"a\u0000@b.c; ;;"`, `"+18182124567,+18182124568"`},
		{`{}`, ``},
		{`"\ud800@x.y"`, `[[]]`},
	} {
		f.Add([]byte(s[0]), []byte(s[1]))
	}
	set, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, email, phone []byte) {
		for _, system := range domain.Systems {
			props := domain.Properties{}
			for _, name := range []string{"email", settings.AdditionalEmails} {
				props[name] = json.RawMessage(email)
			}
			for _, name := range []string{"phone", "phone_number", settings.MobilePhone, "other_phone_numbers"} {
				props[name] = json.RawMessage(phone)
			}
			keys := identity.Keys(set, domain.Record{System: system, ID: "1"}, props)
			for i, k := range keys {
				if k.Value == "" || slices.Contains(keys[:i], k) {
					t.Fatalf("keys %q", keys)
				}
				told, _ := json.Marshal(k.Value)
				name := map[string]string{identity.KindEmail: "email", identity.KindPhone: "phone"}[k.Kind]
				again := identity.Keys(set, domain.Record{System: domain.HubSpot, ID: "1"}, domain.Properties{name: told})
				if !slices.Contains(again, k) {
					t.Fatalf("%q gives %q", k, again)
				}
			}
		}
	})
}

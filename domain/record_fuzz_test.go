package domain_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
)

// FuzzRecord: a record's name is refused, or means the same in both its forms.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{"hubspot:512", "aloware/contact/7", "hubspot:", "hubspot:a b", "hubspot/contact/1/2", "x:1", ":", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := domain.ParseRecord(text)
		if err != nil {
			return
		}
		for _, form := range []string{r.Stream(), string(r.System) + ":" + r.ID} {
			if again, err := domain.ParseRecord(form); err != nil || again != r {
				t.Fatalf("%q is %+v, and %q is %+v, %v", text, r, form, again, err)
			}
		}
	})
}

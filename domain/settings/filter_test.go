package settings_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain/settings"
)

func TestFilter(t *testing.T) {
	contact := map[string]string{
		"city": "Oakland", "company_name": "Acme Inc.", "website": "", "phone_number": "+12025550132",
		"date_of_birth": "2024-02-29",
	}
	get := func(field string) (string, bool) {
		v, ok := contact[field]
		return v, ok
	}
	s := preset(t, "default")
	for text, want := range map[string]bool{
		"":                                              true,
		"  ":                                            true,
		"city = Oakland":                                true,
		"city=Oakland":                                  true,
		"city = oakland":                                false,
		"city != Oakland":                               false,
		`company_name = "Acme Inc."`:                    true,
		`company_name != "Acme \"Inc.\""`:               true,
		"website is known":                              false,
		"website IS UNKNOWN":                            true,
		"email is unknown":                              true,
		"email = a@b.com":                               false,
		"email != a@b.com":                              true,
		"phone_number = 2025550132":                     true,
		"phone_number = \"(202) 555-0132\"":             true,
		"date_of_birth = 1709164800000":                 true,
		"city = Oakland and website is known":           false,
		"city = Oakland or website is known":            true,
		"city = X and city = Y or city = Oakland":       true,
		"city = Oakland or city = X and city = Y":       true,
		"(city = Oakland or city = X) and city = Y":     false,
		"((city = Oakland) and ((website is unknown)))": true,
		`city = "and" or city = "Oakland" and email is unknown`:       true,
		"city = Oakland AND phone_number is known AND email = x@y.de": false,
	} {
		f, err := s.ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.Match(get); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
		again, err := settings.ParseFilter(f.String())
		if err != nil || again.String() != f.String() || again.Match(get) != want {
			t.Errorf("%s: written as %s, which reads as %s, %v", text, f, again, err)
		}
	}
	f, _ := s.ParseFilter("city = a or (address is known and city = b)")
	if got := f.Fields(); !slices.Equal(got, []string{"address", "city"}) {
		t.Errorf("fields: got %v", got)
	}
}

func TestFilterRefused(t *testing.T) {
	s := preset(t, "default")
	for _, text := range []string{
		"city", "city =", "= Oakland", "city Oakland", "city is", "city is blue", "city ! Oakland", `city = "Oakland`,
		"(city = Oakland", "city = Oakland)", "city = Oakland email is known", "and", "city = Oakland and", `city = ""`,
		"city = New York", "shoe_size = 46", "phone_number = nobody", "date_of_birth = soon", `city = " "`, "!",
	} {
		if f, err := s.ParseFilter(text); err == nil {
			t.Errorf("%s: read as %s", text, f)
		}
	}
}

// Whatever is typed, reading an expression ends with a filter that writes and reads back as itself, or an error.
func TestFilterReadsBack(t *testing.T) {
	word := rapid.SampledFrom([]string{
		"city", "=", "!=", "is", "known", "unknown", "and", "or", "(", ")", `"a b"`, "x", " ", `"`, `\`, "é", "!",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for _, w := range rapid.SliceOf(word).Draw(t, "words") {
			text += w + " "
		}
		f, err := settings.ParseFilter(text)
		if err != nil {
			return
		}
		again, err := settings.ParseFilter(f.String())
		if err != nil || again.String() != f.String() {
			t.Fatalf("%q reads as %s, which reads as %s, %v", text, f, again, err)
		}
	})
}

func FuzzParseFilter(f *testing.F) {
	f.Add(`city = Oakland and (email is known or company_name != "Acme \"Inc.\"")`)
	f.Fuzz(func(t *testing.T, text string) {
		if filter, err := settings.ParseFilter(text); err == nil {
			filter.Match(func(string) (string, bool) { return "", false })
		}
	})
}

func TestNearest(t *testing.T) {
	words := []string{"hubspot", "aloware", "direction"}
	for word, want := range map[string]string{
		"hubspt": "hubspot", "direcion": "direction", "alowear": "aloware", "shoe_size": "", "x": "", "": "",
	} {
		if got := settings.Nearest(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

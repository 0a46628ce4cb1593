package sandboxkit

import (
	"fmt"
	"maps"
	"strings"
)

// Fields are a person's values under Aloware's write names: first_name, last_name, phone_number (E.164), email,
// company_name, address, city, state, zipcode, country, website, date_of_birth (2006-01-02).
type Fields map[string]string

// hubspotNames are the HubSpot properties of Fields.
var hubspotNames = map[string]string{
	"first_name": "firstname", "last_name": "lastname", "phone_number": "phone", "email": "email",
	"company_name": "company", "address": "address", "city": "city", "state": "state", "zipcode": "zip",
	"country": "country", "website": "website", "date_of_birth": "date_of_birth",
}

// HubSpot returns the same values under HubSpot's property names.
func (f Fields) HubSpot() map[string]string {
	out := make(map[string]string, len(f))
	for name, v := range f {
		out[hubspotNames[name]] = v
	}
	return out
}

// Person is one made-up human being, as each system knows them.
type Person struct {
	HubSpot map[string]string // by HubSpot's property names
	Aloware Fields            // nil when Aloware does not know them
}

// People makes n people. HubSpot knows all of them, Aloware about 82 %, with some fields blank or different on one
// side. No two people share a phone or an email, and nobody's phone and email contradict each other, so every twin can
// be found by a phone, or by email. The same seed and n give the same people.
func People(seed uint64, n int) []Person {
	c := NewChance(seed, "people")
	people := make([]Person, n)
	for i := range people {
		people[i] = newPerson(c, NewFields(c, i))
	}
	return people
}

// NewFields makes the values of the person with number i: nobody else has the same phone or email.
func NewFields(c *Chance, i int) Fields {
	at := places[i%len(places)]
	first, last := Pick(c, firstNames), Pick(c, lastNames)
	company := Pick(c, companyNames)
	return Fields{
		"first_name": first, "last_name": last,
		"phone_number":  phone(at.area, i/len(places)),
		"email":         Email(first, last, i),
		"company_name":  company,
		"address":       fmt.Sprintf("%d %s", 1+c.Intn(9999), Pick(c, streets)),
		"city":          at.city,
		"state":         at.state,
		"zipcode":       at.zip,
		"country":       "United States",
		"website":       "https://" + slug(company) + ".example",
		"date_of_birth": birthday(c),
	}
}

// phone makes the k-th number of an area: first those set aside for fiction, then others.
func phone(area string, k int) string {
	if k < 100 {
		return fmt.Sprintf("+1%s5550%03d", area, 100+k)
	}
	k -= 100
	return fmt.Sprintf("+1%s%03d%04d", area, 220+k/10000%300, k%10000)
}

// Email makes the address of the person with number i.
func Email(first, last string, i int) string {
	return fmt.Sprintf("%s.%s.%d@people.example", slug(first), slug(last), i)
}

func birthday(c *Chance) string {
	return fmt.Sprintf("%d-%02d-%02d", 1950+c.Intn(55), 1+c.Intn(12), 1+c.Intn(28))
}

var plain = strings.NewReplacer("ë", "e", "é", "e", "á", "a", "ü", "u", "í", "i", "'", "", " ", "", "&", "and")

func slug(s string) string { return plain.Replace(strings.ToLower(s)) }

// newPerson spreads the values over both systems.
func newPerson(c *Chance, f Fields) Person {
	h := maps.Clone(f)
	h["phone_number"] = render(c, f["phone_number"])
	if !c.Hit(0.82) {
		return Person{HubSpot: h.HubSpot()}
	}
	a, mobile := maps.Clone(f), ""
	switch {
	case c.Hit(0.10): // HubSpot has the number as a mobile one only
		mobile = h["phone_number"]
		delete(h, "phone_number")
	case c.Hit(0.12): // found by phone alone
		delete(a, "email")
	}
	if c.Hit(0.25) {
		delete(a, Pick(c, soft))
	}
	if c.Hit(0.15) {
		delete(h, Pick(c, soft))
	}
	if c.Hit(0.12) {
		maps.Copy(a, change(c, []string{Pick(c, soft)}))
	}
	p := Person{HubSpot: h.HubSpot(), Aloware: a}
	if mobile != "" {
		p.HubSpot["mobilephone"] = mobile
	}
	return p
}

// render writes a number as people type it.
func render(c *Chance, e164 string) string {
	area, office, line := e164[2:5], e164[5:8], e164[8:]
	return Pick(c, []string{
		e164, e164, "(" + area + ") " + office + "-" + line, area + "-" + office + "-" + line,
		"+1 " + area + " " + office + " " + line,
	})
}

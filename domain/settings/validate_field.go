package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/duolog/duolog/domain"
)

func (f Field) check(c *checker, s Settings) {
	path := "fields." + f.Name
	f.checkNames(c, path)
	if !f.Type.Valid() {
		c.word(path+".type", string(f.Type), Types)
	}
	f.Rules.check(c, path)
	f.checkRules(c, path, s)
	f.checkLayout(c, path+".hubspot_format", f.HubSpot.Format)
	f.checkLayout(c, path+".aloware_format", f.Aloware.Format)
	f.checkZones(c, path)
	f.checkValues(c, path+".values")
	f.checkOwner(c, path)
	f.checkSpecial(c, path)
}

func (f Field) checkZones(c *checker, path string) {
	for _, z := range []struct{ key, zone string }{{".hubspot_zone", f.HubSpot.Zone}, {".aloware_zone", f.Aloware.Zone}} {
		switch _, err := time.LoadLocation(z.zone); {
		case z.zone == "":
		case f.Type != domain.Datetime:
			c.add(path+z.key, z.zone, "no zone", fmt.Sprintf("a %s has none: remove the line", f.Type))
		case err != nil || z.zone == "Local":
			c.add(path+z.key, z.zone, "an IANA time zone", "write one such as UTC or America/Los_Angeles")
		}
	}
}

func (f Field) checkOwner(c *checker, path string) {
	if f.Type != domain.Owner {
		if len(f.People) > 0 || f.Nobody != "" {
			c.add(path, "people or nobody", "neither", fmt.Sprintf("a %s is no person: remove them", f.Type))
		}
		return
	}
	for _, from := range slices.Sorted(maps.Keys(f.People)) {
		f.checkEmail(c, path+".people", from)
		f.checkEmail(c, path+".people", f.People[from])
	}
	if f.Nobody != "" {
		f.checkEmail(c, path+".nobody", f.Nobody)
	}
}

func (f Field) checkEmail(c *checker, path, email string) {
	raw, err := json.Marshal(email)
	if err == nil {
		_, err = domain.Canonical(domain.Email, raw, domain.Format{})
	}
	if err != nil || email == "" {
		c.add(path, email, "an email address", "people are named by their emails in both systems")
	}
}

// checkSpecial checks what only some fields may say: consent, on_change, and which way dispositions flow.
func (f Field) checkSpecial(c *checker, path string) {
	if f.Consent != "" && c.word(path+".consent", f.Consent, Consents) && f.Type != domain.Bool {
		c.add(path+".consent", "a "+string(f.Type), "type bool", "a stop is yes or no: add type: bool")
	}
	switch {
	case f.Stop == "":
	case !f.Sticky():
		c.add(path+".stop", f.Stop, "nothing", "it goes with consent: sticky")
	default:
		c.word(path+".stop", f.Stop, []string{"true", "false"})
	}
	switch {
	case f.OnChange == "" || f.OnChange == OnChangeHold && f.Name == PhoneField:
	case f.Name != PhoneField:
		c.add(path+".on_change", f.OnChange, "nothing", "only a phone needs it: remove the line")
	default:
		c.add(path+".on_change", f.OnChange, OnChangeHold,
			"Aloware finds a contact by its phone: its API would make a second one")
	}
	if f.Aloware.Write == "disposition_status_id" && f.Direction == ToHubSpot {
		c.add(path+".direction", string(f.Direction), oneOf(SyncDirections),
			"HubSpot's lead statuses lead: Aloware offers no sync in this direction alone")
	}
}

func (f Field) checkNames(c *checker, path string) {
	for _, n := range []struct{ key, name string }{
		{"", f.Name}, {".hubspot", f.HubSpot.Read}, {".read_as", f.Aloware.Read}, {".write_as", f.Aloware.Write},
	} {
		if n.name == "" || strings.ContainsFunc(n.name, notInName) {
			c.add(path+n.key, fmt.Sprintf("%q", n.name), "the name of a property", "letters, digits, _ and - only")
		}
	}
	if f.HubSpot.Read != f.HubSpot.Write {
		c.add(path+".hubspot", "two names", "one name", "only Aloware reads and writes a field under two names")
	}
	if f.HubSpot.Read == domain.UniqueProperty {
		c.add(path+".hubspot", domain.UniqueProperty, "another property", "Duolog keeps its own key there")
	}
}

func notInName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-", r)
}

// checkRules refuses rules that can never come to pass.
func (f Field) checkRules(c *checker, path string, s Settings) {
	fix := "values never flow to HubSpot here: choose hubspot or review, or another direction"
	if s.wins(f, f.Conflict) {
		c.add(path+".conflict", string(f.Conflict), "a rule its directions allow", fix)
	}
	if s.wins(f, f.Initial) {
		c.add(path+".initial", string(f.Initial), "a rule its directions allow", fix)
	}
	switch {
	case !f.Guard:
	case f.Sticky():
		c.add(path+".guard", "true", "nothing", "a stop waits for nothing: remove the line")
	case !f.Direction.Allows(domain.HubSpot) || !s.Contacts.Update.Allows(domain.HubSpot):
		c.add(path+".guard", "true", "nothing", "values never flow to HubSpot here: remove the line, or choose another direction")
	}
}

// checkLayout writes down a moment and reads it back: a layout that loses the day, or for a datetime the second,
// would turn every value into another one.
func (f Field) checkLayout(c *checker, path, layout string) {
	if layout == "" {
		return
	}
	sample := time.Date(2003, time.November, 24, 0, 0, 0, 0, time.UTC)
	switch f.Type {
	case domain.Date:
	case domain.Datetime:
		sample = sample.Add(17*time.Hour + 38*time.Minute + 59*time.Second)
	default:
		c.add(path, layout, "no format", fmt.Sprintf("a %s has none: remove the line", f.Type))
		return
	}
	back, err := time.Parse(layout, sample.Format(layout))
	if err != nil || !back.Equal(sample) {
		c.add(path, layout, "a layout that keeps the whole "+string(f.Type),
			"write it as YYYY-MM-DD, MM/DD/YYYY or a Go layout such as 2006-01-02 15:04:05")
	}
}

func (f Field) checkValues(c *checker, path string) {
	if len(f.Values) == 0 && !f.ByLabel {
		return
	}
	if f.Type != domain.Enumeration {
		c.add(path, "a value map", "none", fmt.Sprintf("a %s has no values to map: remove it", f.Type))
	}
	for _, value := range slices.Sorted(maps.Keys(f.Values)) {
		for _, v := range []string{value, f.Values[value]} {
			if !oneChoice(v) {
				c.add(path, fmt.Sprintf("%q", v), "a value without ; or spaces around it", "; stands between choices")
			}
		}
	}
}

// oneChoice reports whether a value is read back as this very choice.
func oneChoice(value string) bool {
	raw, err := json.Marshal(value)
	if err != nil || value == "" || strings.Contains(value, ";") {
		return false
	}
	read, err := domain.Canonical(domain.Enumeration, raw, domain.Format{System: domain.HubSpot})
	return err == nil && read == value
}

var layoutWords = strings.NewReplacer(
	"YYYY", "2006", "MM", "01", "DD", "02", "HH", "15", "mm", "04", "ss", "05", "SSS", "000")

// ParseLayout returns the Go layout of a date format written as one, or in letters such as MM/DD/YYYY.
func ParseLayout(text string) string { return layoutWords.Replace(text) }

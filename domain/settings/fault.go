package settings

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is something in the settings that cannot work.
type Fault struct {
	// Field is the path in the settings file: "contacts.create", "fields.city.conflict".
	Field  string `json:"field"`
	Found  string `json:"found"`
	Wanted string `json:"wanted"`
	Fix    string `json:"fix"`
	// Line of the settings file, from 1; 0 when the settings came without one.
	Line int `json:"line,omitempty"`
}

// String returns the fault in a line: where, what is there, what was wanted, how to mend it.
func (f Fault) String() string {
	text := fmt.Sprintf("%s: found %s, wanted %s", f.Field, f.Found, f.Wanted)
	if f.Line > 0 {
		text = fmt.Sprintf("line %d: %s", f.Line, text)
	}
	if f.Fix != "" {
		text += "; " + f.Fix
	}
	return text
}

// Mapped returns the name of the mapped field a fault is about; "" when it is about the settings as a whole.
func (f Fault) Mapped() string {
	rest, ok := strings.CutPrefix(f.Field, "fields.")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, ".")
	return name
}

// checker collects faults.
type checker struct {
	faults []Fault
}

func (c *checker) add(field, found, wanted, fix string) {
	if found == "" {
		found = "nothing"
	}
	c.faults = append(c.faults, Fault{Field: field, Found: found, Wanted: wanted, Fix: fix})
}

// word checks that a setting holds one of its words.
func (c *checker) word(field, found string, among []string) bool {
	if slices.Contains(among, found) {
		return true
	}
	fix := "choose one of them"
	if near := Nearest(found, among); near != "" {
		fix = "did you mean " + near + "?"
	}
	c.add(field, found, oneOf(among), fix)
	return false
}

func oneOf(ws []string) string {
	if len(ws) < 2 {
		return strings.Join(ws, "")
	}
	return strings.Join(ws[:len(ws)-1], ", ") + " or " + ws[len(ws)-1]
}

package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// rule says how forms takes a property: the name it is shown under, and how a value is checked and stored. take
// returns the stored value, or a complaint in Laravel's words.
type rule struct {
	read string
	take func(text string) (value any, complaint string)
}

var rules = map[string]rule{
	"first_name": {"first_name", spaced}, "last_name": {"last_name", spaced}, "name": {"name", spaced},
	"email": {"email", email}, "company_name": {"company_name", trimmed}, "address": {"address", trimmed},
	"city": {"cnam_city", trimmed}, "state": {"cnam_state", trimmed}, "zipcode": {"cnam_zipcode", trimmed},
	"country": {"cnam_country", trimmed}, "website": {"website", trimmed}, "timezone": {"timezone", zone},
	"date_of_birth": {"date_of_birth", day}, "notes": {"notes", trimmed}, "lead_source": {"lead_source", trimmed},
	"csf1": {"csf1", trimmed}, "csf2": {"csf2", trimmed}, "user_id": {"user_id", whole},
	"disposition_status_id": {"disposition_status_id", whole}, "is_dnc": {"is_dnc", truth}, "tags": {"tags", names},
}

func rulesWith(custom []string) map[string]rule {
	out := make(map[string]rule, len(rules)+len(custom))
	for name, r := range rules {
		out[name] = r
	}
	for _, slug := range custom {
		out[slug] = rule{slug, trimmed}
	}
	return out
}

func trimmed(text string) (any, string) { return strings.TrimSpace(text), "" }

// spaced collapses double spaces, as Aloware does in names.
func spaced(text string) (any, string) { return strings.Join(strings.Fields(text), " "), "" }

var emailShape = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)

func email(text string) (any, string) {
	if text = strings.TrimSpace(text); !emailShape.MatchString(text) {
		return nil, "must be a valid email address."
	}
	return text, ""
}

var zoneShape = regexp.MustCompile(`^[A-Z][A-Za-z_]+(/[A-Za-z_+-]+[0-9]*){1,2}$`)

func zone(text string) (any, string) {
	if text = strings.TrimSpace(text); text != "UTC" && !zoneShape.MatchString(text) {
		return nil, "must be a valid zone."
	}
	return text, ""
}

// day takes the vendor's own client's form, 2006-01-02, and shows the same.
func day(text string) (any, string) {
	if _, err := time.Parse(time.DateOnly, strings.TrimSpace(text)); err != nil {
		return nil, "is not a valid date."
	}
	return strings.TrimSpace(text), ""
}

func whole(text string) (any, string) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return nil, "must be an integer."
	}
	return n, ""
}

func truth(text string) (any, string) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "true":
		return true, ""
	case "0", "false":
		return false, ""
	}
	return nil, "field must be true or false."
}

func names(text string) (any, string) {
	out := []string{}
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out, ""
}

// take reads the values of a request into stored values by read name, and the complaints by write name. What no rule
// knows is ignored, as the API does. A blank value clears.
func (s *Sandbox) take(in map[string]json.RawMessage) (values map[string]any, complaints map[string]string) {
	values, complaints = map[string]any{}, map[string]string{}
	for name, raw := range in {
		r, known := s.rules[name]
		if !known {
			continue
		}
		text, ok := scalar(raw)
		if !ok {
			complaints[name] = fmt.Sprintf("The %s must be a string.", words(name))
			continue
		}
		if strings.TrimSpace(text) == "" {
			values[r.read] = nil
			continue
		}
		value, complaint := r.take(text)
		if complaint != "" {
			complaints[name] = fmt.Sprintf("The %s %s", words(name), complaint)
			continue
		}
		values[r.read] = value
	}
	return values, complaints
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// scalar returns a JSON scalar as text; null is empty.
func scalar(raw json.RawMessage) (string, bool) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return "", true
	case raw[0] == '{' || raw[0] == '[':
		return "", false
	case raw[0] != '"':
		return string(raw), true
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

// e164 reads a number with a plus, or an American one without.
func e164(text string) (string, bool) {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	plus := strings.HasPrefix(strings.TrimSpace(text), "+")
	switch {
	case plus && strings.HasPrefix(digits, "1"):
		return "+" + digits, len(digits) == 11
	case plus:
		return "+" + digits, len(digits) >= 8 && len(digits) <= 15
	case len(digits) == 10:
		return "+1" + digits, true
	}
	return "+" + digits, len(digits) == 11 && digits[0] == '1'
}

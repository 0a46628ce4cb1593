package sandbox

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scalar is a value as clients send it: a string mostly, a number or a bool sometimes, null to clear.
type scalar string

// UnmarshalJSON takes any single value.
func (s *scalar) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*s = ""
	case b[0] == '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		*s = scalar(text)
	case b[0] == '{' || b[0] == '[':
		return errors.New("a single value is expected")
	default:
		*s = scalar(b)
	}
	return nil
}

// fault says what is wrong with one property of a write, as HubSpot puts it.
type fault struct {
	IsValid bool   `json:"isValid"`
	Message string `json:"message"`
	Error   string `json:"error"`
	Name    string `json:"name"`
}

var (
	emailShape = regexp.MustCompile(`^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$`)
	spaces     = regexp.MustCompile(` {2,}`)
)

// clean checks and normalises the values of a write: what is stored is not always what was sent.
func (t *table) clean(props map[string]scalar) (map[string]string, []fault) {
	out, faults := make(map[string]string, len(props)), []fault(nil)
	for _, name := range sortedKeys(props) {
		p, v := t.property(name), string(props[name])
		var code string
		switch {
		case p == nil:
			code = "PROPERTY_DOESNT_EXIST"
		case !p.writable():
			code = "READ_ONLY_VALUE"
		default:
			out[name], code = normalise(p, v)
		}
		if code != "" {
			faults = append(faults, fault{Message: explain(code, name, v), Error: code, Name: name})
		}
	}
	return out, faults
}

func explain(code, name, v string) string {
	switch code {
	case "PROPERTY_DOESNT_EXIST":
		return `Property "` + name + `" does not exist`
	case "READ_ONLY_VALUE":
		return `"` + name + `" is a read only property; its value cannot be set.`
	default:
		return "Property value " + v + " is not valid for property " + name
	}
}

// normalise returns the value as stored, or the code of what is wrong with it.
func normalise(p *property, v string) (stored, code string) {
	v = strings.TrimSpace(v)
	if v == "" {
		return "", ""
	}
	switch p.Type {
	case "date":
		return day(v)
	case "datetime":
		return moment(v)
	case "number":
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return "", "INVALID_NUMBER"
		}
	case "bool":
		if v = strings.ToLower(v); v != "true" && v != "false" {
			return "", "INVALID_OPTION"
		}
	case "enumeration":
		return choice(p, v)
	case "string":
		return words(p, v)
	}
	return v, ""
}

func words(p *property, v string) (string, string) {
	switch {
	case len(v) > 65536:
		return "", "STRING_TOO_LONG"
	case p.Name == "email":
		if v = strings.ToLower(v); !emailShape.MatchString(v) {
			return "", "INVALID_EMAIL"
		}
	case p.Name == "firstname" || p.Name == "lastname" || p.Name == "company":
		v = spaces.ReplaceAllString(v, " ")
	}
	return v, ""
}

func choice(p *property, v string) (string, string) {
	if p.ExternalOptions {
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			return "", "INVALID_OWNER"
		}
		return v, ""
	}
	for one := range strings.SplitSeq(strings.TrimPrefix(v, ";"), ";") {
		if !slices.ContainsFunc(p.Options, func(o option) bool { return o.Value == one }) {
			return "", "INVALID_OPTION"
		}
	}
	return v, ""
}

// day reads a date: YYYY-MM-DD, or milliseconds at midnight UTC exactly.
func day(v string) (string, string) {
	if d, err := time.Parse(time.DateOnly, v); err == nil {
		return d.Format(time.DateOnly), ""
	}
	ms, err := strconv.ParseInt(v, 10, 64)
	if err != nil || ms%(24*time.Hour.Milliseconds()) != 0 {
		return "", "INVALID_DATE"
	}
	return time.UnixMilli(ms).UTC().Format(time.DateOnly), ""
}

func moment(v string) (string, string) {
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return stamp(t.UTC()), ""
	}
	ms, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return "", "INVALID_DATE"
	}
	return stamp(time.UnixMilli(ms).UTC()), ""
}

// stamp writes a time as HubSpot does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

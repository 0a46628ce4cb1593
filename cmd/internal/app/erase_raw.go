package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
)

// names are what a body names a person by that nobody could read.
type names struct {
	ids    map[string]bool
	emails []string
	phones []string // digits, without the country's
}

// phoneDigits is how many digits of a number tell people apart: further ones may be written or left out.
const phoneDigits = 10

func namesOf(s settings.Settings, c contacts.Contact) names {
	n := names{ids: map[string]bool{}}
	for _, r := range c.Records {
		n.ids[r.ID] = true
		props := domain.Properties{}
		for name, v := range r.Values {
			props[name] = v.Value
		}
		for _, k := range identity.Keys(s, domain.Record{System: r.System, ID: r.ID}, props) {
			switch k.Kind {
			case identity.KindEmail:
				n.emails = append(n.emails, strings.ToLower(k.Value))
			case identity.KindPhone:
				if d := digits(k.Value); len(d) > phoneDigits/2 {
					n.phones = append(n.phones, d[max(0, len(d)-phoneDigits):])
				}
			}
		}
	}
	return n
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

// in reports whether a body names the person: by the id of a record under a name that says it is one, or by an email or
// a number in any value.
func (n names) in(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return n.tells(string(body))
	}
	return n.inValue("", v)
}

func (n names) inValue(name string, v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if n.tells(key) || n.inValue(key, inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if n.inValue(name, inner) {
				return true
			}
		}
	case json.Number:
		return n.inText(name, v.String())
	case string:
		plain, err := base64.StdEncoding.DecodeString(v)
		return n.inText(name, v) || err == nil && n.tells(string(plain))
	}
	return false
}

func (n names) inText(name, text string) bool {
	return n.ids[text] && strings.Contains(strings.ToLower(name), "id") || n.tells(text)
}

// tells reports an email or a number of the person in a text.
func (n names) tells(text string) bool {
	lower, numbers := strings.ToLower(text), digits(text)
	for _, email := range n.emails {
		if strings.Contains(lower, email) {
			return true
		}
	}
	for _, phone := range n.phones {
		if strings.Contains(numbers, phone) {
			return true
		}
	}
	return false
}

const rawPage = 500

// rawBodies returns the subjects of the bodies in the log that nobody could read and that name the person.
func (a *App) rawBodies(ctx context.Context, n names) (subjects []string, err error) {
	for _, s := range domain.Systems {
		for after := int64(0); ; {
			events, err := a.Log.ReadStream(ctx, string(s)+"/raw", after, rawPage)
			if err != nil {
				return nil, err
			}
			for _, e := range events {
				after = e.Position
				if !e.Erased && n.in(e.Data) {
					subjects = append(subjects, e.Subject)
				}
			}
			if len(events) < rawPage {
				break
			}
		}
	}
	return subjects, nil
}

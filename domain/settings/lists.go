package settings

import (
	"maps"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
)

// Lists are the choices the two systems offer, as they told last: options of properties, and the people who work there.
type Lists struct {
	Options map[domain.System]map[string][]domain.Option `json:"options,omitempty"` // by property
	People  map[domain.System][]Person                   `json:"people,omitempty"`
	// Declared says, by property of Aloware, which option of HubSpot a value stands for, as a person said.
	Declared map[string]map[string]string `json:"declared,omitempty"`
}

// Person is somebody who works in a system: an owner in HubSpot, a user in Aloware.
type Person struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

// values returns which value of Aloware means which of HubSpot. Both may be named by their labels: files hold no ids.
func (l Lists) values(f Field) map[string]string {
	a, h := l.Options[domain.Aloware][f.Aloware.Read], l.Options[domain.HubSpot][f.HubSpot.Read]
	out := map[string]string{}
	if f.ByLabel {
		return l.byLabel(f, a, h)
	}
	for _, from := range slices.Sorted(maps.Keys(f.Values)) {
		to := named(h, f.Values[from])[0]
		for _, value := range named(a, from) {
			out[value] = to
		}
	}
	return out
}

// byLabel goes by what was declared, and for the rest by the labels. Where Aloware does not list its choices and keeps
// no numbers of them, they are their labels.
func (l Lists) byLabel(f Field, a, h []domain.Option) map[string]string {
	declared := l.Declared[f.Aloware.Read]
	out := map[string]string{}
	for _, o := range h {
		values := labelled(a, o.Label)
		if len(a) == 0 && f.Aloware.Read != DispositionProperty {
			values = []string{o.Label}
		}
		for _, value := range values {
			out[value] = o.Value
		}
	}
	maps.Copy(out, declared)
	return out
}

// labelled returns the values that have a label.
func labelled(options []domain.Option, label string) []string {
	var out []string
	for _, o := range options {
		if sameLabel(o.Label, label) {
			out = append(out, o.Value)
		}
	}
	return out
}

// named returns the values of the options a word means, its value or, failing that, its label; the word itself where no
// option does.
func named(options []domain.Option, word string) []string {
	if slices.ContainsFunc(options, func(o domain.Option) bool { return o.Value == word }) {
		return []string{word}
	}
	if out := labelled(options, word); len(out) > 0 {
		return out
	}
	return []string{word}
}

func sameLabel(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// owners returns who is who, on each side. A person is known by HubSpot's email; the field's own list says whose emails
// differ. A side whose people were never listed is missing.
func (l Lists) owners(f Field) map[domain.System]*domain.OwnerIDs {
	out := map[domain.System]*domain.OwnerIDs{}
	for _, sys := range domain.Systems {
		if len(l.People[sys]) > 0 {
			out[sys] = l.ownersOf(sys, f)
		}
	}
	return out
}

func (l Lists) ownersOf(sys domain.System, f Field) *domain.OwnerIDs {
	o := &domain.OwnerIDs{Emails: map[string]string{}, IDs: map[string]string{}}
	for _, p := range l.People[sys] {
		email := mail(p.Email)
		if p.ID == "" || email == "" {
			continue
		}
		if sys == domain.Aloware {
			email = override(f.People, email)
		}
		o.Emails[p.ID] = email
		if _, taken := o.IDs[email]; !taken {
			o.IDs[email] = p.ID
		}
	}
	if f.Nobody != "" {
		o.Nobody = o.IDs[override(f.People, mail(f.Nobody))]
	}
	return o
}

// override returns HubSpot's email of a person Aloware knows under another one.
func override(people map[string]string, email string) string {
	for _, from := range slices.Sorted(maps.Keys(people)) {
		if mail(from) == email {
			return mail(people[from])
		}
	}
	return email
}

func mail(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// Unmapped lists the people of each system whom an owner field finds in no other.
func (l Lists) Unmapped(f Field) map[domain.System][]Person {
	out := map[domain.System][]Person{}
	both := l.owners(f)
	for _, sys := range domain.Systems {
		mine, other := both[sys], both[sys.Other()]
		for _, p := range l.People[sys] {
			if mine == nil || other == nil {
				continue
			}
			if email := mine.Emails[p.ID]; email == "" || other.IDs[email] == "" {
				out[sys] = append(out[sys], p)
			}
		}
	}
	return out
}

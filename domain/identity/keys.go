// Package identity works out by what a record can be recognised as a person: canonical emails, telephone numbers and
// our own unique key.
package identity

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Kinds of keys.
const (
	KindUnique = "unique" // our unique property in HubSpot: a contact's ULID
	KindEmail  = "email"
	KindPhone  = "phone" // E.164
)

// otherPhones is where Aloware keeps further numbers of a contact.
const otherPhones = "other_phone_numbers"

// Key is one thing by which a person is recognised. Two records match only on equal keys, never on similar ones.
type Key struct {
	Kind  string
	Value string
}

// Finder finds match keys under settings.
type Finder struct {
	region       string
	email, phone settings.Field
}

// NewFinder returns the settings' finder.
func NewFinder(s settings.Settings) Finder {
	f := Finder{region: s.PhoneRegion}
	f.email, _ = s.Field(settings.EmailField)
	f.phone, _ = s.Field(settings.PhoneField)
	return f
}

// Keys returns the match keys in what a system told about a record: the unique key, then emails, then numbers, the
// main ones first, each once. Values that are none of their kind give no key.
func Keys(s settings.Settings, rec domain.Record, props domain.Properties) []Key {
	return NewFinder(s).Keys(rec, func(name string) json.RawMessage { return props[name] })
}

// Keys is Keys of a record whose properties are got one by one.
func (f Finder) Keys(rec domain.Record, get func(property string) json.RawMessage) []Key {
	c := collector{format: domain.Format{System: rec.System, Region: f.region}}
	if rec.System == domain.HubSpot {
		c.unique(get(domain.UniqueProperty))
	}
	if email := f.email.Side(rec.System).Read; email != "" {
		c.add(KindEmail, domain.Email, get(email))
	}
	if rec.System == domain.HubSpot {
		for email := range strings.SplitSeq(domain.Scalar(get(settings.AdditionalEmails)), ";") {
			c.add(KindEmail, domain.Email, text(email))
		}
	}
	if phone := f.phone.Side(rec.System).Read; phone != "" {
		c.add(KindPhone, domain.Phone, get(phone))
	}
	if rec.System == domain.HubSpot {
		c.add(KindPhone, domain.Phone, get(settings.MobilePhone))
		return c.keys
	}
	for _, phone := range others(get(otherPhones)) {
		c.add(KindPhone, domain.Phone, phone)
	}
	return c.keys
}

// Properties are those that Keys asks for: what others show gives no key.
func (f Finder) Properties(sys domain.System) []string {
	out := []string{f.email.Side(sys).Read, f.phone.Side(sys).Read}
	if sys == domain.HubSpot {
		return append(out, domain.UniqueProperty, settings.AdditionalEmails, settings.MobilePhone)
	}
	return append(out, otherPhones)
}

// Ordered returns the keys by which the settings allow a match, in the settings' order of trying.
func Ordered(s settings.Settings, keys []Key) []Key {
	var out []Key
	for _, way := range s.Contacts.Match {
		for _, k := range keys {
			if ways[k.Kind] == way {
				out = append(out, k)
			}
		}
	}
	return out
}

var ways = map[string]string{
	KindUnique: settings.MatchUniqueKey, KindEmail: settings.MatchEmail, KindPhone: settings.MatchPhone,
}

// Contradicts reports whether two records cannot be assumed to be one person: both have emails and share none. A
// shared front desk number is then not enough to link them.
func Contradicts(a, b []Key) bool {
	both, shared := false, false
	for _, x := range a {
		if x.Kind != KindEmail {
			continue
		}
		for _, y := range b {
			if y.Kind == KindEmail {
				both = true
				shared = shared || x == y
			}
		}
	}
	return both && !shared
}

type collector struct {
	format domain.Format
	keys   []Key
}

func (c *collector) add(kind string, t domain.Type, raw json.RawMessage) {
	if domain.Blank(raw) {
		return
	}
	value, err := domain.Canonical(t, raw, c.format)
	if err != nil || value == "" {
		return
	}
	c.put(Key{Kind: kind, Value: value})
}

func (c *collector) put(k Key) {
	if !slices.Contains(c.keys, k) {
		c.keys = append(c.keys, k)
	}
}

// unique takes only what we could have written ourselves: people can type into the property too.
func (c *collector) unique(raw json.RawMessage) {
	if domain.Blank(raw) {
		return
	}
	id, err := ulid.ParseStrict(strings.ToUpper(domain.Scalar(raw)))
	if err == nil {
		c.put(Key{Kind: KindUnique, Value: id.String()})
	}
}

func text(s string) json.RawMessage {
	// A string always encodes.
	raw, _ := json.Marshal(s)
	return raw
}

// others reads further numbers in either form Aloware is known to use: a list of {label, phone_number} or of plain
// numbers, or one text with commas.
func others(raw json.RawMessage) []json.RawMessage {
	if domain.Blank(raw) {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		for part := range strings.SplitSeq(domain.Scalar(raw), ",") {
			list = append(list, text(part))
		}
		return list
	}
	for i, item := range list {
		var labelled struct {
			PhoneNumber json.RawMessage `json:"phone_number"`
		}
		if json.Unmarshal(item, &labelled) == nil {
			list[i] = labelled.PhoneNumber
		}
	}
	return list
}

// SameKeys reports whether both settings find the same keys in any record, so that an index of keys stays true.
func SameKeys(a, b settings.Settings) bool {
	for _, name := range []string{settings.EmailField, settings.PhoneField} {
		f, hasF := a.Field(name)
		g, hasG := b.Field(name)
		if hasF != hasG || f.Aloware.Read != g.Aloware.Read || f.HubSpot.Read != g.HubSpot.Read {
			return false
		}
	}
	return a.PhoneRegion == b.PhoneRegion
}

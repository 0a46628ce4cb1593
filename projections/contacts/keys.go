package contacts

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
)

// kindName is the kind of blind key for one word of a name.
const kindName = "name"

// blindKey is how a key is stored: nothing can be read from it, but the same key is found again.
func blindKey(v eventstore.Vault, kind, value string) []byte { return v.Blind("contact "+kind, value) }

// blinds makes blind keys and keeps those made lately: a contact's records mostly give the same.
type blinds struct {
	vault eventstore.Vault
	made  map[[2]string]string // by kind and value
}

// maxBlinds bounds what is kept.
const maxBlinds = 4096

func newBlinds(v eventstore.Vault) *blinds { return &blinds{v, map[[2]string]string{}} }

func (b *blinds) key(kind, value string) string {
	of := [2]string{kind, value}
	key, ok := b.made[of]
	if !ok {
		if len(b.made) >= maxBlinds {
			clear(b.made)
		}
		key = string(blindKey(b.vault, kind, value))
		b.made[of] = key
	}
	return key
}

// keysOf returns the record's blind keys, sorted: emails, numbers and the words of the name.
func keysOf(b *blinds, rec domain.Record, values byName[value], p *policy) []string {
	get := func(property string) json.RawMessage {
		v, _ := values.get(property)
		return v.Value
	}
	keys := make([]string, 0, 6)
	for _, k := range p.finder.Keys(rec, get) {
		if k.Kind == identity.KindEmail || k.Kind == identity.KindPhone {
			keys = append(keys, b.key(k.Kind, k.Value))
		}
	}
	for _, name := range p.names[rec.System] {
		for _, word := range words(domain.Scalar(get(name))) {
			keys = append(keys, b.key(kindName, word))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// words splits a name into the lower-case words it is found by.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '’'
	})
}

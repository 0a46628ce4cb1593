package contacts

import (
	"context"
	"fmt"
	"math"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
)

// Holder is a contact and the streams of all its records, merged ones too.
type Holder struct {
	Contact ulid.ULID
	Records []string
}

// Holders returns who holds a number, as far as they are the first hundred records that do, without opening a value.
// A number that cannot be read is a *domain.InvalidError, which does not repeat it.
func (r *Reader) Holders(ctx context.Context, phone string) ([]Holder, error) {
	var out []Holder
	err := r.read(ctx, func(t rows) error {
		out = nil
		key, err := r.phoneKey(ctx, t, phone)
		if err != nil || key == nil {
			return err
		}
		ids, err := t.having(ctx, key)
		if err != nil {
			return err
		}
		found, err := t.resolve(ctx, newFold(nil), ids)
		for _, c := range found {
			id, bad := ulid.ParseStrict(c.id)
			if bad != nil {
				return fmt.Errorf("contact id: %w", bad)
			}
			holder := Holder{Contact: id}
			for _, m := range c.body.Members {
				holder.Records = append(holder.Records, m.name)
			}
			out = append(out, holder)
		}
		return err
	})
	return out, err
}

// phoneKey is the blind key of a number under the settings in force; nil for a hidden caller.
func (r *Reader) phoneKey(ctx context.Context, t rows, phone string) ([]byte, error) {
	p, err := t.latest(ctx)
	if err != nil {
		return nil, err
	}
	number, err := domain.ParsePhone(phone, p.settings.PhoneRegion)
	if err != nil || number.E164 == "" {
		return nil, err
	}
	return blindKey(r.log.Vault(), identity.KindPhone, number.E164), nil
}

// latest is the policy in force.
func (t rows) latest(ctx context.Context) (policy, error) {
	all, err := t.policies(ctx, math.MaxInt64)
	if err != nil {
		return policy{}, err
	}
	return all[len(all)-1], nil
}

// Sharing is another contact with a number of the one asked about.
type Sharing struct {
	Contact
	Phone string // E.164, the first both have
}

// Sharing returns the other contacts that have one of the contact's numbers, in id order.
func (r *Reader) Sharing(ctx context.Context, c Contact) ([]Sharing, error) {
	numbers := map[string]bool{}
	var p policy
	found, err := r.show(ctx, func(t rows, f *fold) ([]*contact, error) {
		var err error
		if p, err = t.latest(ctx); err != nil {
			return nil, err
		}
		clear(numbers)
		var ids []string
		for _, number := range p.phones(c) {
			numbers[number] = true
			found, err := t.having(ctx, blindKey(r.log.Vault(), identity.KindPhone, number))
			if err != nil {
				return nil, err
			}
			ids = append(ids, found...)
		}
		return t.resolve(ctx, f, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("contacts with the same number: %w", err)
	}
	var out []Sharing
	for _, other := range found {
		if other.ID == c.ID {
			continue
		}
		for _, number := range p.phones(other) {
			if numbers[number] {
				out = append(out, Sharing{other, number})
				break
			}
		}
	}
	return out, nil
}

// Phones returns the contact's numbers, E.164, each once.
func (r *Reader) Phones(ctx context.Context, c Contact) ([]string, error) {
	var p policy
	err := r.read(ctx, func(t rows) (err error) {
		p, err = t.latest(ctx)
		return err
	})
	return p.phones(c), err
}

func (p *policy) phones(c Contact) []string {
	var out []string
	seen := map[string]bool{}
	for _, rec := range c.Records {
		props := make(domain.Properties, len(rec.Values))
		for name, v := range rec.Values {
			props[name] = v.Value
		}
		for _, k := range identity.Keys(p.settings, domain.Record{System: rec.System, ID: rec.ID}, props) {
			if k.Kind == identity.KindPhone && !seen[k.Value] {
				seen[k.Value] = true
				out = append(out, k.Value)
			}
		}
	}
	return out
}

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

var _ sandboxkit.Side = (*Sandbox)(nil)

// ErrNoContact means that no contact has the id.
var ErrNoContact = errors.New("no such contact")

// ErrPhoneTaken means that another contact has the phone.
var ErrPhoneTaken = errors.New("another contact has this phone")

// Seed stores people as if they had been there for ever: no webhook tells of them.
func (s *Sandbox) Seed(people []sandboxkit.Person) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range people {
		if p.Aloware == nil {
			continue
		}
		c, err := s.draft(typed(p.Aloware), "imports")
		if err != nil {
			return fmt.Errorf("person %d: %w", i, err)
		}
		s.keep(c)
	}
	return nil
}

// Create makes a contact as a person in Aloware does; intake says how ("ui" when empty). Values go by write name.
func (s *Sandbox) Create(values map[string]any, intake string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.draft(values, intake)
	if err != nil {
		return "", err
	}
	s.insert(c)
	return c.id, nil
}

// draft needs the lock. The contact is not in the account yet.
func (s *Sandbox) draft(values map[string]any, intake string) (*contact, error) {
	stored, phone, err := s.read(values)
	if err != nil {
		return nil, err
	}
	if phone == "" {
		return nil, errors.New("a contact needs a phone")
	}
	if _, taken := s.phones[phone]; taken {
		return nil, ErrPhoneTaken
	}
	if intake == "" {
		intake = "ui"
	}
	c := s.blank(phone, intake)
	c.set(stored)
	return c, nil
}

// Edit changes a contact as a person in Aloware does. Its phone may change: the id stays. Values go by write name.
func (s *Sandbox) Edit(id string, values map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contacts[id]
	if c == nil {
		return ErrNoContact
	}
	stored, phone, err := s.read(values)
	if err != nil {
		return err
	}
	if phone != "" && phone != c.phone() {
		if _, taken := s.phones[phone]; taken {
			return ErrPhoneTaken
		}
		delete(s.phones, c.phone())
		s.phones[phone] = id
		stored["phone_number"] = phone
	}
	s.change(c, stored)
	return nil
}

// Delete deletes a contact in Aloware's screens. No webhook tells.
func (s *Sandbox) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contacts[id]
	if c == nil {
		return ErrNoContact
	}
	delete(s.contacts, id)
	delete(s.phones, c.phone())
	s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
	return nil
}

// read checks values a person typed in, as forms does.
func (s *Sandbox) read(values map[string]any) (stored map[string]any, phone string, err error) {
	raw := map[string]json.RawMessage{}
	for name, v := range values {
		if raw[name], err = json.Marshal(v); err != nil {
			return nil, "", fmt.Errorf("read %s: %w", name, err)
		}
	}
	if number, ok := raw["phone_number"]; ok {
		text, _ := scalar(number)
		if phone, ok = e164(text); !ok {
			return nil, "", errors.New("the phone is not valid")
		}
	}
	stored, complaints := s.take(raw)
	for name := range complaints {
		return nil, "", fmt.Errorf("the %s is not valid", words(name))
	}
	return stored, phone, nil
}

// keep, insert and change need the lock.

func (s *Sandbox) keep(c *contact) {
	s.contacts[c.id], s.phones[c.phone()] = c, c.id
	s.order = append(s.order, c.id)
}

func (s *Sandbox) insert(c *contact) {
	s.keep(c)
	s.announce(Created, c)
}

func (s *Sandbox) change(c *contact, values map[string]any) {
	changed := c.set(values)
	if len(changed) > 0 {
		s.announce(Updated, c)
	}
	if changed["disposition_status_id"] {
		s.announce(Disposed, c)
	}
	if changed["is_dnc"] {
		s.announce(DNCUpdated, c)
	}
}

// IDs lists the contacts, oldest first.
func (s *Sandbox) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// EditFields is Edit.
func (s *Sandbox) EditFields(id string, f sandboxkit.Fields) error { return s.Edit(id, typed(f)) }

// CreateFields is Create.
func (s *Sandbox) CreateFields(f sandboxkit.Fields) (string, error) { return s.Create(typed(f), "") }

func typed(f sandboxkit.Fields) map[string]any {
	out := make(map[string]any, len(f))
	for name, v := range f {
		out[name] = v
	}
	return out
}

// Contact returns one contact.
func (s *Sandbox) Contact(id string) (Contact, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contacts[id]
	if c == nil {
		return Contact{}, false
	}
	return c.export(), true
}

// All lists the contacts, oldest first.
func (s *Sandbox) All() []Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Contact, 0, len(s.order))
	for _, id := range s.order {
		out = append(out, s.contacts[id].export())
	}
	return out
}

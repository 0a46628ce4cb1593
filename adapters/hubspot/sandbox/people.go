package sandbox

import (
	"context"
	"fmt"
	"strings"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// Contact is a contact as it stands.
type Contact struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"`
	UpdatedAt  string            `json:"updatedAt"`
	Aliases    []string          `json:"aliases,omitempty"` // ids merged into it
}

// Stats counts what the portal has seen.
type Stats struct {
	Contacts int                   `json:"contacts"`
	Writes   int                   `json:"writes"` // writes received through the API, refused ones too, one a row
	Reads    int                   `json:"reads"`  // reading requests
	Webhooks sandboxkit.Deliveries `json:"webhooks"`
}

// Seed stores people as if they had been there for ever: no webhook tells of them.
func (s *Sandbox) Seed(people []sandboxkit.Person) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	for i, p := range people {
		values, problem := s.accept(t, 0, p.HubSpot)
		if problem != nil {
			return fmt.Errorf("person %d: %s", i, problem.Category)
		}
		t.create(s.now().Add(-s.cfg.Faults.SearchLag), values, person("7"))
	}
	return nil
}

// accept checks values as the API would.
func (s *Sandbox) accept(t *table, id int64, props map[string]string) (map[string]string, *problem) {
	given := make(map[string]scalar, len(props))
	for name, v := range props {
		given[name] = scalar(v)
	}
	values, faults := t.clean(given)
	if len(faults) > 0 {
		return nil, invalidValues(faults)
	}
	return values, t.conflict(id, values)
}

// Create makes a contact as the person with a user id does in HubSpot's own screens.
func (s *Sandbox) Create(props map[string]string, user string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	values, problem := s.accept(t, 0, props)
	if problem != nil {
		return "", fmt.Errorf("contact refused: %s", problem.Category)
	}
	o := t.create(s.now(), values, person(user))
	s.tellCreated(t, o, person(user))
	return idText(o), nil
}

// Edit changes a contact as a person does.
func (s *Sandbox) Edit(id string, props map[string]string, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	o := t.find("", id)
	if o == nil {
		return fmt.Errorf("no contact %s", id)
	}
	values, problem := s.accept(t, o.id, props)
	if problem != nil {
		return fmt.Errorf("edit of %s refused: %s", id, problem.Category)
	}
	s.tellChanged(t, o, t.set(o, s.now(), values, person(user)), person(user))
	return nil
}

// Merge merges other into primary, as a person does; it returns the new id.
func (s *Sandbox) Merge(primary, other string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	a, b := t.find("", primary), t.find("", other)
	if a == nil || b == nil || a == b {
		return "", fmt.Errorf("contacts %s and %s cannot be merged", primary, other)
	}
	return idText(s.merge(t, a, b, person("7"))), nil
}

// Delete archives a contact, as a person does.
func (s *Sandbox) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	o := t.find("", id)
	if o == nil {
		return fmt.Errorf("no contact %s", id)
	}
	t.remove(o, later(s.now(), o.updated))
	s.tell(t, o, "deletion", o.archived, person("7"), map[string]any{"changeFlag": "DELETED"})
	return nil
}

// Restore takes a contact out of the recycle bin, as a person does.
func (s *Sandbox) Restore(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	o := t.objects[s.number(id)]
	if o == nil || o.archived.IsZero() {
		return fmt.Errorf("no deleted contact %s", id)
	}
	if owner, _ := t.taken(o.id, o.values); owner != 0 {
		return fmt.Errorf("contact %s: a value of its own belongs to contact %d by now", id, owner)
	}
	t.restore(o, s.now())
	s.tell(t, o, "restore", o.updated, person("7"), map[string]any{"changeFlag": "RESTORED"})
	return nil
}

// All lists the live contacts, oldest first.
func (s *Sandbox) All() []Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["contacts"]
	out := []Contact{}
	for _, o := range t.live() {
		c := Contact{ID: idText(o), Properties: map[string]string{}, UpdatedAt: stamp(o.updated)}
		for name, v := range o.values {
			if v != "" {
				c.Properties[name] = v
			}
		}
		if merged := o.values["hs_merged_object_ids"]; merged != "" {
			c.Aliases = strings.Split(merged, ";")
		}
		out = append(out, c)
	}
	return out
}

// Writes is the number of writes received through the API, one a row.
func (s *Sandbox) Writes() int { return s.Stats().Writes }

// Deliveries tells what became of the webhooks.
func (s *Sandbox) Deliveries() sandboxkit.Deliveries { return s.sender.Deliveries() }

// Stats tells what the portal has seen.
func (s *Sandbox) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{
		Contacts: len(s.tables["contacts"].live()), Writes: s.writes, Reads: s.reads, Webhooks: s.sender.Deliveries(),
	}
}

// SetTarget sets the URL webhooks are posted to; empty switches them off.
func (s *Sandbox) SetTarget(url string) { s.sender.SetTarget(url) }

// Quiesce waits until every webhook is delivered or given up.
func (s *Sandbox) Quiesce(ctx context.Context) error { return s.sender.Quiesce(ctx) }

// Injector orders failures of the API.
func (s *Sandbox) Injector() *sandboxkit.Injector { return s.inject }

// IDs lists the live contacts, oldest first.
func (s *Sandbox) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, o := range s.tables["contacts"].live() {
		out = append(out, idText(o))
	}
	return out
}

// EditFields and CreateFields make the sandbox a sandboxkit.Side.
func (s *Sandbox) EditFields(id string, f sandboxkit.Fields) error {
	return s.Edit(id, f.HubSpot(), "7")
}

// CreateFields makes a contact from fields.
func (s *Sandbox) CreateFields(f sandboxkit.Fields) (string, error) {
	return s.Create(f.HubSpot(), "7")
}

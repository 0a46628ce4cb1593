package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// callOutcome is what people choose from after a call.
type callOutcome struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// listOwners answers a page of the owners; after counts those before.
func (s *Sandbox) listOwners(q url.Values) (int, any, *problem) {
	list := slices.DeleteFunc(slices.Clone(s.owners), func(o map[string]any) bool {
		return q.Get("email") != "" && q.Get("email") != o["email"]
	})
	limit, err := strconv.Atoi(cmpOr(q.Get("limit"), "100"))
	after, bad := strconv.Atoi(cmpOr(q.Get("after"), "0"))
	if err != nil || bad != nil || limit < 1 || limit > 500 || after < 0 {
		return 0, nil, invalid("limit must be between 1 and 500, after a page's")
	}
	list = list[min(after, len(list)):]
	if len(list) > limit {
		return http.StatusOK, page(list[:limit], strconv.Itoa(after+limit)), nil
	}
	return http.StatusOK, page(list, ""), nil
}

// AddOwner gives a new user the right to own records, and returns the owner's id.
func (s *Sandbox) AddOwner(email, first, last string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastOwner++
	s.owners = append(s.owners, owner(s.lastOwner, s.lastOwner-64, email, first, last))
	return strconv.Itoa(s.lastOwner)
}

// RemoveOwner takes a user out of the portal.
func (s *Sandbox) RemoveOwner(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners = slices.DeleteFunc(s.owners, func(o map[string]any) bool { return o["id"] == id })
}

// AddOutcome makes a call outcome, as an admin does, and returns its id.
func (s *Sandbox) AddOutcome(label string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eventID++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", s.eventID)
	s.outcomes = append(s.outcomes, callOutcome{id, label})
	return id
}

// RemoveOutcome deletes a call outcome.
func (s *Sandbox) RemoveOutcome(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes = slices.DeleteFunc(s.outcomes, func(o callOutcome) bool { return o.ID == id })
}

// AddDeal makes a deal about contacts, as a person does, and returns its id.
func (s *Sandbox) AddDeal(props map[string]string, contacts ...string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["deals"]
	values, problem := s.accept(t, 0, props)
	if problem != nil {
		return "", fmt.Errorf("deal refused: %s", problem.Category)
	}
	o := t.create(s.now(), values, person("7"))
	for _, id := range contacts {
		c := s.tables["contacts"].find("", id)
		if c == nil {
			return "", fmt.Errorf("no contact %s", id)
		}
		s.links.link(end{t.name, o.id}, end{"contacts", c.id})
	}
	return idText(o), nil
}

// SeedDeals gives every fifth contact a deal, as if they had been there for ever: some open, some won, each an owner's.
func (s *Sandbox) SeedDeals() error {
	stages := []string{"appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon"}
	for i, id := range s.IDs() {
		if i%5 != 0 {
			continue
		}
		n := i / 5
		if _, err := s.AddDeal(map[string]string{
			"dealname": fmt.Sprint("Order ", 1001+n), "amount": fmt.Sprint(250 * (1 + n%20)), "pipeline": "default",
			"dealstage": stages[n%len(stages)], "hubspot_owner_id": []string{"71", "72", "73"}[n%3],
		}, id); err != nil {
			return err
		}
	}
	return nil
}

// EditDeal changes a deal as a person does.
func (s *Sandbox) EditDeal(id string, props map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["deals"]
	o := t.find("", id)
	if o == nil {
		return fmt.Errorf("no deal %s", id)
	}
	values, problem := s.accept(t, o.id, props)
	if problem != nil {
		return fmt.Errorf("edit of %s refused: %s", id, problem.Category)
	}
	t.set(o, s.now(), values, person("7"))
	return nil
}

// DeleteDeal archives a deal.
func (s *Sandbox) DeleteDeal(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables["deals"]
	o := t.find("", id)
	if o == nil {
		return fmt.Errorf("no deal %s", id)
	}
	t.remove(o, later(s.now(), o.updated))
	return nil
}

package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

const contactPrefix = "contact/"

func contactOwner(id ulid.ULID) string { return contactPrefix + id.String() }

// onRecord reports that the event lies on a record's stream.
func onRecord(e *eventstore.Event) bool {
	if strings.HasPrefix(e.Stream, contactPrefix) {
		return false // as most that are not; saying why takes long
	}
	_, err := domain.ParseRecord(e.Stream)
	return err == nil
}

// owners returns whose timeline the event belongs to, each once.
func owners(e *projections.Event) ([]string, error) {
	if onRecord(e.Event) {
		return []string{e.Stream}, nil
	}
	switch e.Type {
	case domain.DecisionMade:
		return decisionOwners(e)
	case domain.CommandRetried, domain.CommandDiscarded, domain.PlannerRetried, domain.ReviewSettled, domain.DuplicateResolved,
		domain.SubjectErased, domain.SubjectLifted, domain.SubjectHeld, domain.SubjectReleased:
		return actOwners(e.Event)
	case domain.SettingsChanged, domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged:
		return []string{ownerConnection}, nil
	}
	return nil, nil
}

// actOwners are the contact the act is about and the records it names.
func actOwners(e *eventstore.Event) (list []string, err error) {
	var act domain.Act
	if err := json.Unmarshal(e.Data, &act); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	if !act.Contact.IsZero() {
		list = append(list, contactOwner(act.Contact))
	}
	for _, r := range act.Records {
		list = append(list, r.Stream())
	}
	return list, nil
}

// decisionOwners are the contact decided on, the records it links, and the contacts that lose or win by an alias.
func decisionOwners(e *projections.Event) ([]string, error) {
	d, err := e.Effects(false)
	if err != nil {
		return nil, err
	}
	list := make([]string, 0, 1+len(d.Links)+2*len(d.Aliases))
	add := func(owner string) {
		if owner != "" && !slices.Contains(list, owner) {
			list = append(list, owner)
		}
	}
	add(contactOwner(d.Contact))
	for _, l := range d.Links {
		add(l.Record.Stream())
	}
	for _, a := range d.Aliases {
		add(contactOwner(a.From))
		add(contactOwner(a.To))
	}
	return list, nil
}

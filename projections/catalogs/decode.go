package catalogs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// input is an event that says something about catalogs; one of the payloads is set.
type input struct {
	*eventstore.Event
	fact *domain.CatalogFact
	seen *seen
	act  *domain.Act // a pull that started or ended, or an erasure
}

// seen is an entry of Aloware that a webhook showed.
type seen struct {
	catalog domain.Catalog
	choice  domain.Choice
	clock   int64
}

// Operation names a pull in the acts that start and end it.
func Operation(pull string) string { return domain.PullOperation + pull }

// Pull is the pull an operation's name means.
func Pull(operation string) (name string, ok bool) {
	name, ok = strings.CutPrefix(operation, domain.PullOperation)
	return name, ok && PullNamed(name) != nil
}

// decode reads an event; false when it says nothing about catalogs. An erased one says nothing any more.
func decode(e *eventstore.Event) (in input, ok bool, err error) {
	in.Event = e
	switch {
	case e.Erased:
		return in, false, nil
	case e.Type == domain.CatalogObserved:
		in.fact = &domain.CatalogFact{}
		return in, true, read(e, in.fact)
	case e.Type == domain.ActivityObserved:
		var a domain.Activity
		err = read(e, &a)
		in.seen = &seen{domain.CallDispositions, a.Disposition, a.Clock}
		return in, a.Kind == domain.ActivityCall && a.Disposition.ID != "", err
	case e.Type == domain.SubjectErased:
		in.act = &domain.Act{}
		return in, true, read(e, in.act)
	case e.Type == domain.OperationStarted, e.Type == domain.OperationFinished:
		in.act = &domain.Act{}
		err = read(e, in.act)
		_, ok = Pull(in.act.Name)
		return in, ok, err
	case strings.HasPrefix(e.Stream, alowareContacts) && strings.HasPrefix(e.Type, "record.") && disposed(e.Data):
		return disposition(in)
	}
	return in, false, nil
}

const (
	alowareContacts     = string(domain.Aloware) + "/contact/"
	dispositionProperty = "disposition_status_id"
)

var dispositionMember = []byte(`"` + dispositionProperty + `":`)

// disposed reports whether a fact may show a disposition: every contact of Aloware has the member, few have a value,
// and reading them all would cost more than the rest of the fold.
func disposed(data []byte) bool {
	for {
		i := bytes.Index(data, dispositionMember)
		if i < 0 {
			return false
		}
		data = data[i+len(dispositionMember):]
		if !bytes.HasPrefix(data, []byte("null")) {
			return true
		}
	}
}

// disposition reads which contact disposition a fact about a contact of Aloware shows.
func disposition(in input) (input, bool, error) {
	var f struct {
		Clock      int64             `json:"clock"`
		Properties domain.Properties `json:"properties"`
	}
	err := read(in.Event, &f)
	id := domain.Scalar(f.Properties[dispositionProperty])
	in.seen = &seen{domain.ContactDispositions, domain.Choice{ID: id}, f.Clock}
	return in, id != "", err
}

func read(e *eventstore.Event, v any) error {
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	return nil
}

package projections_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

func TestWhatOneProjectionReadOfADecisionIsThereForTheNext(t *testing.T) {
	t.Parallel()
	data := []byte(`{"contact":"01JD0000000000000000000001","fields":[{"field":"city","after":{"state":"in_step"}}]}`)
	e := projections.Event{Event: &eventstore.Event{Type: domain.DecisionMade, Data: data}}
	read := func(fields bool) any {
		d, err := e.Effects(fields)
		if err != nil || d.Contact.IsZero() || fields && len(d.Fields) != 1 {
			t.Fatalf("read %+v, %v", d, err)
		}
		return d
	}
	if few, all := read(false), read(true); few == all || read(true) != all || read(false) != all {
		t.Error("a decision is read again, or not as far as it is asked for")
	}
	e = projections.Event{Event: &eventstore.Event{Type: domain.DecisionMade, Data: []byte(`{"contact":1}`)}}
	if d, err := e.Effects(false); err == nil {
		t.Errorf("read %+v of what is no decision", d)
	}
}

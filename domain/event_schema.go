package domain

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Errors of Upcast; always wrapped with detail. Both say that a newer program wrote the log: what this one would make
// of the event is not to be trusted.
var (
	ErrNewerSchema  = errors.New("event schema is newer than this program")
	ErrUnknownEvent = errors.New("event type is not known to this program")
)

// upcaster turns a payload of one schema into the next one's. It may add and rename, and never loses a value.
type upcaster func(data []byte) ([]byte, error)

// lineage is the history of one event type: the schema written today, and by key n what makes schema n+1 of n.
type lineage struct {
	current int
	up      map[int]upcaster
}

// lineages holds every event type there is, those of DESIGN that nothing writes yet included. A changed payload
// raises current, adds the upcaster from the schema before, and a sample to testdata/events.
var lineages = registry{
	RecordCreated: first, RecordUpdated: first, RecordDeleted: first, RecordRestored: first, RecordMerged: first,
	RecordObserved: first, RecordAbsent: first, RecordSuppressed: first,
	ActivityObserved: first, SchemaObserved: first, CatalogObserved: first, SweepCompleted: first, SourceRaw: first,

	DecisionMade: first, CommandSettled: first,

	ConnectionOpened: first, SettingsChanged: first, ModeChanged: first, SyncPaused: first, SyncResumed: first,
	GateChanged: first, BaselineCompleted: first, OperationStarted: first, OperationFinished: first,
	CommandRetried: first, CommandDiscarded: first, PlannerRetried: first, ReviewSettled: first, DuplicateResolved: first,

	OperationPaused: first, OperationResumed: first, OperationCancelled: first,
	PlanMade: first, PlanApplied: first, PlanDiscarded: first,
	SubjectErased: first, SubjectLifted: first, SubjectHeld: first, SubjectReleased: first, ExportMade: first, AccessMade: first,
	TokenCreated: first, TokenRevoked: first, KeyRotated: first, LogRestored: first, LogMoved: first,
}

// first is the lineage of a type whose payload has never changed.
var first = lineage{current: 1}

// SchemaOf returns the schema number under which an event of the type is written today; 0, which no log takes, for
// a type there is none of.
func SchemaOf(kind string) int { return lineages[kind].current }

// EventTypes lists every event type, sorted.
func EventTypes() []string { return slices.Sorted(maps.Keys(lineages)) }

// CheckSchemas reports a gap in any type's chain of upcasters. A program that has one must not start: it could not
// read events it wrote itself.
func CheckSchemas() error { return lineages.check() }

// Upcast brings a stored payload to the schema of today, and returns it with that schema's number. The payload of
// today's schema comes back as it is.
func Upcast(kind string, schema int, data []byte) ([]byte, int, error) {
	return lineages.upcast(kind, schema, data)
}

// Decode reads a stored payload as it would be written today. A payload must not be read past it: the first schema 2 of
// a type would be misread.
func Decode(kind string, schema int, data []byte, into any) error {
	data, _, err := Upcast(kind, schema, data)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// Readable reports why a stored event of the type and schema could not be read: nil when it can.
func Readable(kind string, schema int) error { return lineages.readable(kind, schema) }

type registry map[string]lineage

func (r registry) check() error {
	var faults []error
	for _, kind := range slices.Sorted(maps.Keys(r)) {
		l := r[kind]
		if l.current < 1 {
			faults = append(faults, fmt.Errorf("event type %s has no schema", kind))
		}
		for n := 1; n < l.current; n++ {
			if l.up[n] == nil {
				faults = append(faults, fmt.Errorf("event type %s: nothing makes schema %d of %d", kind, n+1, n))
			}
		}
		for _, n := range slices.Sorted(maps.Keys(l.up)) {
			if n < 1 || n >= l.current {
				faults = append(faults, fmt.Errorf("event type %s: an upcaster from schema %d, today's is %d", kind, n, l.current))
			}
		}
	}
	return errors.Join(faults...)
}

func (r registry) readable(kind string, schema int) error {
	l, ok := r[kind]
	switch {
	case !ok:
		return fmt.Errorf("%s: %w", kind, ErrUnknownEvent)
	case schema > l.current:
		return fmt.Errorf("%s: schema %d, known up to %d: %w", kind, schema, l.current, ErrNewerSchema)
	case schema < 1:
		return fmt.Errorf("%s: %d is no schema", kind, schema)
	}
	return nil
}

func (r registry) upcast(kind string, schema int, data []byte) ([]byte, int, error) {
	if err := r.readable(kind, schema); err != nil {
		return nil, 0, err
	}
	l := r[kind]
	for n := schema; n < l.current; n++ {
		next, err := l.up[n](data)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: from schema %d to %d: %w", kind, n, n+1, err)
		}
		data = next
	}
	return data, l.current, nil
}

package contract

import (
	"embed"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// published are the schemas consumers were given. A file is never changed in a way that breaks a reader of it: a payload
// that must change so gets the next schema number, and a file of its own.
//
//go:embed schemas/*.json
var published embed.FS

// payloads says of what Go type an event's payload is; a type that is not named carries an Act.
var payloads = map[string]reflect.Type{
	domain.RecordCreated: reflect.TypeFor[domain.Fact](), domain.RecordUpdated: reflect.TypeFor[domain.Fact](),
	domain.RecordDeleted: reflect.TypeFor[domain.Fact](), domain.RecordRestored: reflect.TypeFor[domain.Fact](),
	domain.RecordMerged: reflect.TypeFor[domain.Fact](), domain.RecordObserved: reflect.TypeFor[domain.Fact](),
	domain.RecordAbsent: reflect.TypeFor[domain.Fact](), domain.RecordSuppressed: reflect.TypeFor[domain.Fact](),
	domain.SourceRaw: reflect.TypeFor[domain.Raw](), domain.DecisionMade: reflect.TypeFor[planner.Decision](),
	domain.CommandSettled: reflect.TypeFor[domain.Outcome](), domain.ConnectionOpened: reflect.TypeFor[domain.Opened](),
	domain.SettingsChanged: reflect.TypeFor[domain.SettingsAct](), domain.SchemaObserved: reflect.TypeFor[domain.Schema](),
	domain.CatalogObserved: reflect.TypeFor[domain.CatalogFact](), domain.ActivityObserved: reflect.TypeFor[domain.Activity](),
	domain.PlanMade: reflect.TypeFor[domain.Plan](), domain.PlanApplied: reflect.TypeFor[domain.PlanPage](),
	stream.ContactChanged: reflect.TypeFor[stream.Changed](),
}

// Types lists every event type a consumer can meet, sorted.
func Types() []string {
	all := append(domain.EventTypes(), stream.ContactChanged)
	slices.Sort(all)
	return all
}

// Version is the schema number an event of the type is written under today, 0 for none of the types.
func Version(kind string) int {
	if kind == stream.ContactChanged {
		return 1
	}
	return domain.SchemaOf(kind)
}

// Today describes the payload as this program writes it.
func Today(kind string) *Schema {
	t, ok := payloads[kind]
	if !ok {
		t = reflect.TypeFor[domain.Act]()
	}
	s := schemaOf(t)
	s.Dialect, s.ID = "https://json-schema.org/draft/2020-12/schema", path(kind, Version(kind))
	s.Title = fmt.Sprintf("%s, schema %d", kind, Version(kind))
	s.Description = "With a token that grants ids only, the members that hold values are absent and property_names lists " +
		"their names; the data of an erased event is absent altogether."
	return s
}

// path is where a schema is served.
func path(kind string, version int) string { return fmt.Sprintf("/schemas/%s/%d", kind, version) }

func file(kind string, version int) string { return fmt.Sprintf("schemas/%s.v%d.json", kind, version) }

// Published returns the schema of an event type as it was published, false when there is none.
func Published(kind string, version int) ([]byte, bool) {
	data, err := published.ReadFile(file(kind, version))
	return data, err == nil
}

// Listed is an event type with its schemas.
type Listed struct {
	Type    string   `json:"type"`
	Today   int      `json:"today"` // the schema events are written under now
	Schemas []string `json:"schemas"`
}

// List lists all event types.
func List() []Listed {
	var all []Listed
	for _, kind := range Types() {
		l := Listed{Type: kind, Today: Version(kind)}
		for v := 1; v <= l.Today; v++ {
			l.Schemas = append(l.Schemas, path(kind, v))
		}
		all = append(all, l)
	}
	return all
}

// inline is a schema as a part of another document.
func inline(kind string) json.RawMessage {
	data, _ := Published(kind, Version(kind)) // a test says that each is there
	return data
}

// Name makes a component's name of an event type.
func name(kind string) string { return strings.ReplaceAll(kind, ".", "_") }

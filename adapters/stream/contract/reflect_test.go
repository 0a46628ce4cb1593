package contract

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// Schema is a JSON Schema (2020-12), as much of it as payloads need.
type Schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Type        string             `json:"type,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Values      *Schema            `json:"additionalProperties,omitempty"`
	Description string             `json:"description,omitempty"`
}

var (
	rawMessage = reflect.TypeFor[json.RawMessage]()
	texts      = reflect.TypeFor[encoding.TextMarshaler]()
)

// schemaOf describes how encoding/json writes a type.
func schemaOf(t reflect.Type) *Schema {
	switch {
	case t == rawMessage:
		return &Schema{Description: "any JSON"}
	case t.Implements(texts):
		return &Schema{Type: "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return &Schema{Type: "string"}
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return &Schema{Type: "integer"}
	case reflect.Float64:
		return &Schema{Type: "number"}
	case reflect.Slice, reflect.Array:
		return &Schema{Type: "array", Items: schemaOf(t.Elem())}
	case reflect.Map:
		return &Schema{Type: "object", Values: schemaOf(t.Elem())}
	case reflect.Struct:
		return structOf(t)
	default:
		return &Schema{}
	}
}

func structOf(t reflect.Type) *Schema {
	s := &Schema{Type: "object", Properties: map[string]*Schema{}}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case !f.IsExported() || tag == "-":
			continue
		case f.Anonymous && name == "":
			inner := structOf(f.Type)
			maps.Copy(s.Properties, inner.Properties)
			s.Required = append(s.Required, inner.Required...)
			continue
		case name == "":
			name = f.Name
		}
		s.Properties[name] = schemaOf(f.Type)
		if !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
	}
	slices.Sort(s.Required)
	return s
}

// Broken lists what a reader of the published schema could no longer rely on under the other one: a property that is
// gone or of another type, or one that was always there and no longer is. What is new breaks nobody.
func Broken(published, now *Schema) []string { return broken("", published, now) }

func broken(at string, old, now *Schema) []string {
	if old == nil {
		return nil
	}
	if now == nil {
		return []string{at + " is gone"}
	}
	var all []string
	if old.Type != now.Type {
		all = append(all, at+" is "+word(now.Type)+", was "+word(old.Type))
	}
	for _, name := range slices.Sorted(maps.Keys(old.Properties)) {
		all = append(all, broken(at+"/"+name, old.Properties[name], now.Properties[name])...)
	}
	for _, name := range old.Required {
		if now.Properties[name] != nil && !slices.Contains(now.Required, name) {
			all = append(all, at+"/"+name+" may be missing, was always there")
		}
	}
	all = append(all, broken(at+"/*", old.Items, now.Items)...)
	return append(all, broken(at+"/*", old.Values, now.Values)...)
}

func word(kind string) string {
	if kind == "" {
		return "anything"
	}
	return kind
}

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
	for _, name := range cloudevent.Nulls(kind) {
		s.Properties[name].Description += "; null with a token that does not grant full values"
	}
	if s.Properties["properties"] != nil || s.Properties["sent"] != nil || kind == stream.ContactChanged {
		s.Properties["property_names"] = &Schema{
			Type: "array", Items: &Schema{Type: "string"}, Description: "what values were told or sent of, for who may not see them in full",
		}
	}
	return s
}

package contract

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/domain"
)

// published are the schemas consumers were given. A file is never changed in a way that breaks a reader of it: a payload
// that must change so gets the next schema number, and a file of its own.
//
//go:embed schemas/*.json
var published embed.FS

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

package hubspot

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// object is a contact as HubSpot answers it. Values are strings; one that is not set is null or left out.
type object struct {
	ID         string                     `json:"id"`
	Properties map[string]json.RawMessage `json:"properties"`
	UpdatedAt  string                     `json:"updatedAt"`
	Archived   bool                       `json:"archived"`
	New        *bool                      `json:"new"`
	TraceID    string                     `json:"objectWriteTraceId"`
	Histories  map[string][]version       `json:"propertiesWithHistory"`
}

// batchAnswer is the answer to any batch request, 200 or 207.
type batchAnswer struct {
	Results []object  `json:"results"`
	Errors  []problem `json:"errors"`
}

// addressed refuses an answer with a record that cannot be told by its id: its values would count for nobody, or for
// somebody else.
func addressed(objects ...object) error {
	for _, o := range objects {
		if whole(json.Number(o.ID)) == 0 {
			return unreadable()
		}
	}
	return nil
}

// identifying are read with every record, whatever is asked: they tell who it is.
var identifying = []string{
	UniqueProperty, "hs_merged_object_ids", "hs_additional_emails", "email", "phone", "mobilephone",
}

func withIdentifying(properties []string) []string {
	out := slices.Concat(properties, identifying)
	slices.Sort(out)
	return slices.Compact(out)
}

// values are the properties that are set.
func (o object) values() domain.Properties {
	out := make(domain.Properties, len(o.Properties))
	for name, v := range o.Properties {
		if len(v) > 0 && string(v) != "null" {
			out[name] = v
		}
	}
	return out
}

func (o object) text(name string) string {
	var s string
	_ = json.Unmarshal(o.Properties[name], &s)
	return s
}

// list reads a property that holds several values, with ; between them.
func (o object) list(name string) []string {
	return slices.DeleteFunc(strings.Split(o.text(name), ";"), func(s string) bool { return s == "" })
}

// updated is the time of the last change, µs UTC, 0 when it is not told.
func (o object) updated() int64 {
	t, err := time.Parse(time.RFC3339Nano, o.UpdatedAt)
	if err != nil || t.UnixMilli() < 1 || t.UnixMilli() > maxMillis {
		return 0
	}
	return t.UnixMicro()
}

// snapshot is the record as read by a request for the properties that began at begun: its values count from there, or
// from the last change if that was earlier. What it lacks may also be blank, until Client.unknown was asked.
func (o object) snapshot(begun time.Time, asked ...string) adapters.Snapshot {
	s := adapters.Snapshot{
		Record: record(o.ID), Properties: o.values(), Clock: begun.UnixMicro(), Deleted: o.Archived,
	}
	for _, name := range asked {
		if _, answered := o.Properties[name]; !answered {
			s.Lacks = append(s.Lacks, name)
		}
	}
	if at := o.updated(); at > 0 {
		s.Clock = min(s.Clock, at)
	}
	for _, id := range o.list("hs_merged_object_ids") {
		if id != o.ID && whole(json.Number(id)) != 0 {
			s.Aliases = append(s.Aliases, record(id))
		}
	}
	return s
}

package history

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

const (
	here  = "01JD0000000000000000000001"
	there = "01JD0000000000000000000002"
)

// TestOwnersAreThoseEncodingJSONFinds: however a decision is written, it is on the timelines that it names.
func TestOwnersAreThoseEncodingJSONFinds(t *testing.T) {
	t.Parallel()
	links := `"links":[{"record":"hubspot/contact/1","contact":"` + here + `","state":"linked"},{"state":"linked","record":"aloware:2"}]`
	for _, data := range []string{
		`{"contact":"` + here + `","fields":[{"field":"contact","links":["x"],"after":{"state":"in_step"}}]}`,
		`{"planner":3,"contact":"` + here + `",` + links + `,"aliases":[{"from":"` + here + `","to":"` + there + `"}]}`,
		`{"Contact":"` + here + `",` + strings.ReplaceAll(links, "record", "RECORD") + `}`,
		`{` + links + `,"contact":"` + here + `","links":null}`,
		`{"contact":"` + here + `","links":[{"record":"hubspot\/contact\/1"}]}`,
		`{"contact":null,"links":[null,{"record":null}],"aliases":null}`,
		`{"contact":"no id"}`, `{"contact":"` + here + `","links":[{"record":"nobody"}]}`, `{"contact"`, `null`,
	} {
		got, err := owners(&projections.Event{Event: &eventstore.Event{
			Stream: "contact/" + here, Type: domain.DecisionMade, Data: []byte(data),
		}})
		var d planner.Decision
		failed := json.Unmarshal([]byte(data), &d)
		if failed != nil {
			if err == nil {
				t.Errorf("%s: read as %q, encoding/json says %v", data, got, failed)
			}
			continue
		}
		want := []string{"contact/" + d.Contact.String()}
		for _, l := range d.Links {
			want = append(want, l.Record.Stream())
		}
		for _, a := range d.Aliases {
			want = append(want, "contact/"+a.From.String(), "contact/"+a.To.String())
		}
		want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
		for i := 0; i < len(want); i++ {
			for j := len(want) - 1; j > i; j-- {
				if want[i] == want[j] {
					want = slices.Delete(want, j, j+1)
				}
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: read as %q, %v; want %q", data, got, err, want)
		}
	}
}

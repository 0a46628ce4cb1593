package contacts

import (
	"encoding/json"
	"testing"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

var anyText = rapid.OneOf(rapid.SampledFrom([]string{"", "city", "in_step", `a"b\<&>`, "ü\u2028\x00"}), rapid.String())

func anyID(t *rapid.T) (id ulid.ULID) {
	if rapid.Bool().Draw(t, "id") {
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
	}
	return id
}

func anyOrder(t *rapid.T) order {
	return order{rapid.Int64Range(0, 1<<50).Draw(t, "input"), rapid.Int64Range(0, 1<<50).Draw(t, "position")}
}

// anyContact draws a contact with everything a row can hold.
func anyContact(t *rapid.T) *contact {
	c := &contact{id: "x", aliasOf: anyText.Draw(t, "alias"), position: rapid.Int64().Draw(t, "at")}
	c.created = rapid.Int64Range(0, 1<<60).Draw(t, "created")
	c.updated = c.created + rapid.Int64Range(0, 1<<40).Draw(t, "later")
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		c.body.Members.put(anyText.Draw(t, "stream"), member{
			State: planner.LinkState(anyText.Draw(t, "state")), Reason: anyText.Draw(t, "why"), Order: anyOrder(t),
			Reading: anyID(t), Done: anyID(t),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "fields") {
		f := field{
			State: anyText.Draw(t, "state"), Reason: anyText.Draw(t, "why"), Order: anyOrder(t),
			Position: rapid.Int64Range(0, 1<<50).Draw(t, "position"),
		}
		if rapid.Bool().Draw(t, "written") {
			f.Write = write{
				System: domain.System(anyText.Draw(t, "system")), Command: anyID(t), Result: anyText.Draw(t, "result"),
				Reason: anyText.Draw(t, "why"), Position: rapid.Int64Range(0, 1<<50).Draw(t, "position"),
			}
		}
		c.body.Fields.put(anyText.Draw(t, "name"), f)
	}
	c.body.Head.Order = anyOrder(t)
	c.body.Head.Dirty = rapid.Bool().Draw(t, "dirty")
	c.body.Head.Review = rapid.SampledFrom([]string{"", "who is it?"}).Draw(t, "review")
	c.body.Head.Creation.Result = planner.Result(rapid.SampledFrom([]string{"", "created"}).Draw(t, "creation"))
	c.stored = c.notInStep()
	return c
}

func TestAContactsBodyIsTheJSONOfItsStruct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyContact(t)
		want, err := json.Marshal(c.body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.body.appendJSON(nil)
		if err != nil || string(got) != string(want) {
			t.Errorf("encoded as\n%s, %v, want\n%s", got, err, want)
		}
	})
}

package contacts_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
)

func TestAnErasedPersonIsGoneFromTheRowsThatAreThereAndFromARebuild(t *testing.T) {
	both(t, func(w *world) {
		in := w.tell(hub, domain.RecordCreated, 1000, "email", "jane@example.com")
		w.tell(alo, domain.RecordCreated, 1000, "cnam_city", "Oakland")
		w.decide(linked(one, in, nil))
		for _, query := range []string{
			`UPDATE subject_key SET wrapped = NULL WHERE connection = 'world' AND subject = 'hubspot/contact/512'`,
			`UPDATE log_head SET key_epoch = key_epoch + 1 WHERE connection = 'world'`,
		} {
			if _, err := w.store.Exec(w.t.Context(), query); err != nil {
				w.t.Fatal(err)
			}
		}
		w.tell(alo, domain.RecordUpdated, 2000, "email", "other@example.com") // here the process learns of it
		checkErased(w, "as it was folded")
		if err := w.run.Rebuild(w.t.Context(), contacts.Name, nil); err != nil {
			w.t.Fatal(err)
		}
		checkErased(w, "rebuilt")
		if got := w.found("jane@example.com"); len(got) > 0 {
			w.t.Errorf("the email still finds %v after a rebuild", got)
		}
	})
}

func checkErased(w *world, when string) {
	w.t.Helper()
	c := w.get(one)
	if !c.Erased || len(c.Records) != 2 || !c.Records[1].Erased || len(c.Records[1].Values) > 0 {
		w.t.Errorf("%s: %+v, want the HubSpot record erased", when, c)
	}
	if c.Records[0].Erased || show(c, domain.Aloware, "cnam_city") != `"Oakland"` {
		w.t.Errorf("%s: %+v, want the Aloware record as it was", when, c)
	}
}

package operations

import (
	"encoding/json"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/internal/logtest"
)

func TestOutcomesAreReadAsEncodingJSONReadsThem(t *testing.T) {
	all := [][]byte{[]byte(`{"kind":"create","system":"aloware","result":"applied","created":true,"sent":{"a":[1,null]}}`)}
	for _, e := range logtest.New(7).Events(0, 300) {
		if e.Type == domain.CommandSettled {
			all = append(all, e.Data)
		}
	}
	for _, data := range all {
		got, ok := readOutcome(data)
		var want outcome
		if err := json.Unmarshal(data, &want); err != nil || !ok || got != want {
			t.Errorf("%s was read as %+v, %t; encoding/json reads %+v, %v", data, got, ok, want, err)
		}
	}
	if len(all) < 10 {
		t.Errorf("only %d outcomes", len(all))
	}
}

// A create whose answer was lost and that found its own contact was not refused, and its number was looked up.
func TestMadeByALostTry(t *testing.T) {
	made := outcome{Kind: domain.KindCreate, System: domain.Aloware, Result: domain.ResultRejected, Created: true}.counts()
	if made[domain.CountLRN] != 1 || made[domain.CountRefused] != 0 || made[domain.CountSettled] != 1 {
		t.Errorf("%v", made)
	}
}

package domain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

var update = flag.Bool("update", false, "write the samples that are missing")

// payloads says of what Go type an event's payload is; every type that is not named carries an Act.
var payloads = map[string]any{
	domain.RecordCreated: domain.Fact{}, domain.RecordUpdated: domain.Fact{}, domain.RecordDeleted: domain.Fact{},
	domain.RecordRestored: domain.Fact{}, domain.RecordMerged: domain.Fact{}, domain.RecordObserved: domain.Fact{},
	domain.RecordAbsent: domain.Fact{}, domain.RecordSuppressed: domain.Fact{}, domain.SourceRaw: domain.Raw{},
	domain.DecisionMade: planner.Decision{}, domain.CommandSettled: domain.Outcome{},
	domain.ConnectionOpened: domain.Opened{}, domain.SettingsChanged: domain.SettingsAct{},
	domain.PlanMade: domain.Plan{}, domain.PlanApplied: domain.PlanPage{},
	domain.SchemaObserved:  domain.Schema{},
	domain.CatalogObserved: domain.CatalogFact{}, domain.ActivityObserved: domain.Activity{},
}

func payloadOf(kind string) reflect.Value {
	if p, ok := payloads[kind]; ok {
		return reflect.New(reflect.TypeOf(p))
	}
	return reflect.New(reflect.TypeFor[domain.Act]())
}

// TestSamples: an event of every schema ever written is still read, into today's payload, without losing a value. A
// sample is never changed: logs hold events like it.
func TestSamples(t *testing.T) {
	for _, kind := range domain.EventTypes() {
		for schema := 1; schema <= domain.SchemaOf(kind); schema++ {
			t.Run(fmt.Sprintf("%s.v%d", kind, schema), func(t *testing.T) {
				stored := sample(t, kind, schema)
				data, now, err := domain.Upcast(kind, schema, stored)
				if err != nil || now != domain.SchemaOf(kind) {
					t.Fatalf("upcast to %d: %v", now, err)
				}
				v := payloadOf(kind)
				dec := json.NewDecoder(bytes.NewReader(data))
				dec.DisallowUnknownFields()
				if err := dec.Decode(v.Interface()); err != nil {
					t.Fatalf("read: %v", err)
				}
				again, err := json.Marshal(v.Interface())
				if err != nil || !equalJSON(t, data, again) {
					t.Errorf("written again it is\n%s\nnot\n%s (%v)", again, data, err)
				}
			})
		}
	}
}

// sample reads a stored sample; today's schema's, with -update, is made when there is none.
func sample(t *testing.T, kind string, schema int) []byte {
	t.Helper()
	path := filepath.Join("testdata", "events", fmt.Sprintf("%s.v%d.json", kind, schema))
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && *update && schema == domain.SchemaOf(kind) {
		v := payloadOf(kind)
		fill(v.Elem())
		if data, err = json.MarshalIndent(v.Interface(), "", "  "); err == nil {
			err = os.WriteFile(path, append(data, '\n'), 0o600)
		}
	}
	if err != nil {
		t.Fatalf("no sample of schema %d (go test ./domain -run Samples -update makes today's): %v", schema, err)
	}
	return data
}

// fill gives every field of a payload a value.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case json.RawMessage:
		v.SetBytes([]byte(`"value"`))
		return
	case ulid.ULID:
		v.Set(reflect.ValueOf(ulid.MustParseStrict("01JD0000000000000000000000")))
		return
	case domain.Record:
		v.Set(reflect.ValueOf(domain.Record{System: domain.HubSpot, ID: "512"}))
		return
	case domain.System:
		v.SetString(string(domain.HubSpot))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		panic("no sample value of " + v.Type().String())
	}
}

func equalJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

package planner_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// TestPutAway: whatever a record and a contact hold, they hold once they come back: a field that is not packed is lost.
func TestPutAway(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 1))
	for i := range 300 {
		var r planner.Record
		var c planner.Contact
		fill(rnd, reflect.ValueOf(&r).Elem(), i == 0)
		fill(rnd, reflect.ValueOf(&c).Elem(), i == 0)
		gotR, gotC := planner.Repacked(r, c)
		if !reflect.DeepEqual(gotR, r) {
			t.Fatalf("record\n%+v\nwant\n%+v", gotR, r)
		}
		if !reflect.DeepEqual(gotC, c) {
			a, _ := json.Marshal(gotC)
			b, _ := json.Marshal(c)
			t.Fatalf("contact\n%s\nwant\n%s", a, b)
		}
	}
}

// fill sets every exported part of a value, or, unless all are wanted, some.
func fill(rnd *rand.Rand, v reflect.Value, all bool) {
	if !all && rnd.IntN(4) == 0 {
		return
	}
	switch v.Interface().(type) {
	case ulid.ULID:
		v.Set(reflect.ValueOf(domain.DeriveID(ulid.ULID{1}, strconv.Itoa(rnd.IntN(99)), "", 0)))
		return
	case domain.Record:
		v.Set(reflect.ValueOf(domain.Record{System: domain.Systems[rnd.IntN(2)], ID: strconv.Itoa(1 + rnd.IntN(99))}))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(strconv.Itoa(rnd.IntN(99)))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(rnd, v.Field(i), all)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(rnd, v.Elem(), all)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+rnd.IntN(3), 3))
		for i := range v.Len() {
			fill(rnd, v.Index(i), all)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 1 + rnd.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(rnd, key, true)
			fill(rnd, value, true)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString([]string{"a1b2c3d4e5f60718", "0011223344556677", "A1B2C3D4E5F60718", "short", "städte"}[rnd.IntN(5)])
	case reflect.Int64:
		v.SetInt(rnd.Int64() - rnd.Int64())
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0 || all)
	default:
		panic(v.Type())
	}
}

package istio

import (
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	networking "istio.io/api/networking/v1alpha3"
	telemetry "istio.io/api/telemetry/v1alpha1"
)

// A schema is the data about a message that decoding needs.
type schema struct {
	set *fieldSet
	// fields are by JSON name.
	fields map[string]protoreflect.FieldDescriptor
}

// schemas contains the schemas of all messages with an executed field in a read
// kind.
var schemas = sync.OnceValue(func() map[protoreflect.MessageDescriptor]*schema {
	all := make(map[protoreflect.MessageDescriptor]*schema)
	var visit func(protoreflect.MessageDescriptor)
	visit = func(m protoreflect.MessageDescriptor) {
		if m.ParentFile().Package() == "google.protobuf" || all[m] != nil {
			return
		}
		s := &schema{set: fieldSets()[messageName(m)], fields: make(map[string]protoreflect.FieldDescriptor)}
		if s.set == nil {
			s.set = &fieldSet{}
		}
		all[m] = s
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			s.fields[f.JSONName()] = f
			if f.IsMap() {
				f = f.MapValue()
			}
			if f.Message() != nil {
				visit(f.Message())
			}
		}
	}
	for _, file := range []protoreflect.FileDescriptor{
		networking.File_networking_v1alpha3_gateway_proto,
		networking.File_networking_v1alpha3_virtual_service_proto,
		networking.File_networking_v1alpha3_destination_rule_proto,
		networking.File_networking_v1alpha3_service_entry_proto,
		telemetry.File_telemetry_v1alpha1_telemetry_proto,
	} {
		for i := range file.Messages().Len() {
			visit(file.Messages().Get(i))
		}
	}
	return all
})

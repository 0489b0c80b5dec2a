# Reads a file of TAP with the reader of Perl's prove, and prints its tests as JSON.
use strict;
use warnings;
use JSON::PP;
use TAP::Parser;

open my $file, '<:utf8', $ARGV[0] or die "$ARGV[0]: $!";
my @lines = <$file>;
my $parser = TAP::Parser->new({ tap => join '', @lines });
my @tests;
while (my $result = $parser->next) {
    if ($result->is_test) {
        push @tests, {
            ok => $result->is_actual_ok ? JSON::PP::true : JSON::PP::false,
            skipped => $result->has_skip ? JSON::PP::true : JSON::PP::false,
            todo => $result->has_todo ? JSON::PP::true : JSON::PP::false,
            description => $result->description,
        };
    }
    elsif ($result->is_yaml) { $tests[-1]{yaml} = $result->data }
    elsif (!$result->is_version && !$result->is_plan) { die 'neither test nor plan: ' . $result->as_string }
}
print JSON::PP->new->utf8->encode({ tests => \@tests, errors => [$parser->parse_errors] });

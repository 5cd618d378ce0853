# Evaluates a Nuke script or gizmo as the Tcl it is, and says what it holds as JSON:
#   tclsh nk.tcl FILE  ->  {"nodes": [{"id", "class", "group", "inputs", "body"}], "layers": [...], "faults": [...]}
# Strict: in the interpreter are `set push stack end_group version add_layer define_window_layout_xml` and nothing else;
# any other command is a node class and its one word a list of even length. Ids count from 1; 0 is no node.

set nodes {}
set layers {}
set faults {}
set last 0
set group 0
set groups {}
set stack {}
set stacks {}
set layout 0

proc fault {words} { lappend ::faults $words }

proc text {value} {
    set found ""
    foreach sign [split $value ""] {
        scan $sign %c code
        switch -- $sign {
            "\"" { append found "\\\"" }
            "\\" { append found "\\\\" }
            "\n" { append found "\\n" }
            "\t" { append found "\\t" }
            "\r" { append found "\\r" }
            default { append found [expr {$code < 32 || $code > 126 ? [format "\\u%04x" $code] : $sign}] }
        }
    }
    return "\"$found\""
}

proc texts {values} {
    set found {}
    foreach value $values { lappend found [text $value] }
    return "\[[join $found {, }]\]"
}

proc pop {who} {
    if {![llength $::stack]} {
        # A gizmo's own Group is pasted: what it is plugged into is not in its file.
        if {$who in {Group Gizmo} && !$::group} { return 0 }
        fault "$who takes an input from an empty stack"
        return 0
    }
    set top [lindex $::stack end]
    set ::stack [lrange $::stack 0 end-1]
    return [lindex $top 0]
}

proc leftovers {where} {
    foreach entry $::stack {
        if {[lindex $entry 1]} { fault "$where: a push that no node takes" }
    }
}

proc do_set {name args} {
    if {[llength $args] != 1} { error "set takes a name and a value: $name" }
    $::inside invokehidden set $name [lindex $args 0]
}

proc do_stack {place} {
    if {![string is integer -strict $place]} { error "stack takes a number, got $place" }
    if {$place >= [llength $::stack]} { return 0 }
    return [lindex [lindex $::stack end-$place] 0]
}

proc do_push {what} {
    if {![string is integer -strict $what] || $what > $::last} { error "push takes what set kept, or 0: $what" }
    lappend ::stack [list $what 1]
}

proc do_version {args} {}

proc do_layout {words} { set ::layout 1 }

proc do_layer {words} {
    if {[catch {llength $words}] || [llength $words] < 2} { error "add_layer takes {name name.channel ...}: $words" }
    lappend ::layers $words
}

proc do_end_group {} {
    if {![llength $::groups]} {
        fault "end_group without a Group"
        return
    }
    leftovers "a Group ends with"
    set id $::group
    set ::group [lindex $::groups end]
    set ::groups [lrange $::groups 0 end-1]
    set ::stack [lindex $::stacks end]
    set ::stacks [lrange $::stacks 0 end-1]
    lappend ::stack [list $id 0]
}

proc node {class args} {
    if {[llength $args] != 1} { error "$class takes one word in braces, got [llength $args]" }
    set body [lindex $args 0]
    if {[catch {llength $body} length]} { error "$class: its body is no list: $length" }
    if {$length % 2} { error "$class: its body has an odd number of words: $length" }
    set count 1
    if {$class eq "Root"} { set count 0 }
    set written {}
    foreach {knob value} $body {
        if {$knob eq "inputs"} {
            set written $value
            if {![regexp {^\d+(\+\d+)?$} $value]} { error "$class: inputs $value" }
            set count [expr $value]
        }
    }
    set id [incr ::last]
    set inputs {}
    for {set index 0} {$index < $count} {incr index} { lappend inputs [pop $class] }
    lappend ::nodes "{\"id\": $id, \"class\": [text $class], \"group\": $::group, \"written\": [text $written],\
        \"inputs\": \[[join $inputs {, }]\], \"body\": [texts $body]}"
    if {$class in {Group Gizmo LiveGroup}} {
        lappend ::groups $::group
        set ::group $id
        lappend ::stacks $::stack
        set ::stack {}
    } elseif {$class ne "Root"} {
        lappend ::stack [list $id 0]
    }
}

set inside [interp create -safe]
foreach command [$inside eval {info commands}] {
    if {$command ne "set"} { catch { $inside hide $command } }
}
$inside hide set
foreach {name here} {
    set do_set stack do_stack push do_push version do_version add_layer do_layer end_group do_end_group
    define_window_layout_xml do_layout unknown node
} { interp alias $inside $name {} $here }

set file [open [lindex $argv 0] r]
fconfigure $file -encoding utf-8
set script [read $file]
close $file
if {[catch { interp eval $inside $script } problem]} {
    fault $problem
} elseif {[llength $groups]} {
    fault "the script ends inside a Group: end_group is missing"
} else {
    leftovers "the script ends with"
}
fconfigure stdout -encoding utf-8
puts "{\"nodes\": \[[join $nodes ",\n"]\], \"layers\": [texts $layers], \"faults\": [texts $faults]}"

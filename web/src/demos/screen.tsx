import { mount } from '../ui/site';
import { CallPage } from './callpage';

mount(() => <CallPage kind="screen" />);

import '../styles/test.css';
import { mount } from '../ui/site';
import { TestPage } from './page';

mount(TestPage);
